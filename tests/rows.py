"""What tests ask of any row: that one which passes shows what was seen."""
import re


def copied(rows):
    """Ids of the passing rows that show nothing beside what should be."""
    found = []
    for row in rows:
        if row['verdict'] != 'pass':
            continue
        seen = row['observed'].replace(row['expected'], '', 1)
        if row['observed'] == row['expected'] or not re.search(r'\w', seen):
            found.append(row['id'])
    return found
