#!/usr/bin/env python3
"""Converts one document: hands it in, waits for its end, and leaves NAME.docx and NAME.json in this folder.

Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... convert.py FILE
Needs requests (Debian: python3-requests).
"""
import os
import pathlib
import sys

import requests

API = os.environ["KHOCR_URL"].rstrip("/") + "/api/v1"
SESSION = requests.Session()
SESSION.headers["X-API-Key"] = os.environ["KHOCR_API_KEY"]


def call(method, path, **options):
    """Makes a request. A refusal is told in both languages, and ends the program."""
    response = SESSION.request(method, API + path, timeout=120, **options)
    if response.ok:
        return response
    problem = response.json()
    sys.exit(f"{problem['code']}: {problem['detail']}\n{problem['message_km']}៖ {problem['detail_km']}")


def main(path):
    with path.open("rb") as document:
        answer = call("POST", "/convert", files={"file": (path.name, document)}, data={"output_format": "docx"})
    job = answer.json()["job_id"]
    print("Job ID:", job, flush=True)

    status = "QUEUED"
    while status in ("QUEUED", "PROCESSING"):
        # The answer comes when the job has ended, and after a minute at the latest.
        told = call("GET", f"/jobs/{job}", params={"wait": "60s"}).json()
        status = told["status"]
    if status != "COMPLETED":
        reason = told.get("error", {"message": status, "message_km": ""})
        sys.exit(f"{reason['message']}\n{reason['message_km']}")

    for format in "docx", "json":
        result = pathlib.Path(f"{path.stem}.{format}")
        result.write_bytes(call("GET", f"/jobs/{job}/result", params={"format": format}).content)
        print(result)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(pathlib.Path(sys.argv[1]))
    except requests.ConnectionError as lost:
        sys.exit(f"{API}: {lost}")
