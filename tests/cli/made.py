"""Tables that the tests train on."""

import csv
import datetime
import html
import zipfile

import numpy as np


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def concrete(n_rows=80):
    """A regression with a category, a boolean and a constant column."""
    rng = np.random.default_rng(0)
    rows = [["age", "water", "kind", "wet", "site", "strength"]]
    for _ in range(n_rows):
        age, water = rng.uniform(1, 90), rng.uniform(120, 240)
        kind, wet = rng.choice(["fly_ash", "slag", "none"]), rng.choice(["true", "false"])
        strength = 10 * np.log(age) - 0.1 * water + (kind == "slag") * 5 + (wet == "true") * 2 + rng.normal(0, 0.5)
        rows.append([f"{age:.2f}", f"{water:.1f}", kind, wet, "here", f"{strength:.3f}"])
    return rows


def flowers(n_rows=90):
    """Three classes in two columns."""
    rng = np.random.default_rng(1)
    rows = [["length", "width", "species"]]
    for number in range(n_rows):
        center = number % 3
        rows.append([f"{rng.normal(center, 0.3):.3f}", f"{rng.normal(-center, 0.4):.3f}", "abc"[center] * 2])
    return rows


DAY_0 = datetime.datetime(1899, 12, 30)


def workbook(path, sheets):
    """Write a workbook, the least that one needs, and return its path."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbered = list(enumerate(sheets, 1))
    with zipfile.ZipFile(path, "w") as file:
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
            for n, _ in numbered
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/><Default '
            f'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
            f'PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{parts}</Types>',
        )
        file.writestr("_rels/.rels", _relations(package, [("rId1", f"{office}/officeDocument", "xl/workbook.xml")]))
        entries = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in numbered)
        book = f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{entries}</sheets></workbook>'
        file.writestr("xl/workbook.xml", book)
        related = [(f"rId{n}", f"{office}/worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered]
        related.append(("rId0", f"{office}/styles", "styles.xml"))
        file.writestr("xl/_rels/workbook.xml.rels", _relations(package, related))
        formats = "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in (0, 14, 22))
        styles = f'<styleSheet xmlns="{main}"><cellXfs>{formats}</cellXfs></styleSheet>'
        file.writestr("xl/styles.xml", styles)
        for n, name in numbered:
            rows = "".join(f'<row r="{k}">{_row(k, row)}</row>' for k, row in enumerate(sheets[name], 1))
            sheet = f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
            file.writestr(f"xl/worksheets/sheet{n}.xml", sheet)
    return path


def _relations(package, relations):
    entries = "".join(f'<Relationship Id="{id}" Type="{type}" Target="{to}"/>' for id, type, to in relations)
    return f'<Relationships xmlns="{package}/relationships">{entries}</Relationships>'


def _row(number, cells):
    return "".join(_cell(f"{chr(65 + k)}{number}", cell) for k, cell in enumerate(cells) if cell is not None)


def _cell(place, value):
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, datetime.date):
        is_time = isinstance(value, datetime.datetime)
        days = (value if is_time else datetime.datetime.combine(value, datetime.time())) - DAY_0
        return f'<c r="{place}" s="{2 if is_time else 1}"><v>{days / datetime.timedelta(days=1)!r}</v></c>'
    if isinstance(value, str):
        text = html.escape(value, quote=False).replace("\x1f", "_x001F_")
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'
