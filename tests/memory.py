"""What a running process holds."""
import errno


def memory(pid):
    """All that a process holds, but for what the kernel maps into it ([vvar], [vdso]); nothing if
    it gave back some of it meanwhile, which is an EIO to the reader."""
    held = b''
    try:
        with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
            for line in maps:
                span, rights = line.split()[:2]
                if rights[0] != 'r' or '[v' in line:
                    continue
                first, end = (int(at, 16) for at in span.split('-'))
                mem.seek(first)
                while first < end and (part := mem.read(end - first)):  # may give less than asked for
                    held += part
                    first += len(part)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b''
    return held
