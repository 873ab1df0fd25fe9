"""Fetches a node's pages over HTTPS from outside, as a monitoring station with curl -k does."""
import http.client
import json
import ssl
import time


def trusting():
    """The node's certificate is its own, self-signed one: it is not verified here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fetch(port, path, patience=0, timeout=20):
    """Status and body of a page; tries again for `patience` seconds while nobody answers."""
    limit = time.monotonic() + patience
    while True:
        connection = http.client.HTTPSConnection('127.0.0.1', port, context=trusting(),
                                                 timeout=timeout)
        try:
            connection.request('GET', path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            if time.monotonic() > limit:
                raise
            time.sleep(0.5)
        finally:
            connection.close()


def fetch_json(port, path, patience=0):
    status, body = fetch(port, path, patience)
    return status, json.loads(body)
