#!/usr/bin/env python3
"""Converts every PDF of a folder to Word, each beside its document. A file that fails holds up no other. Run again it goes on:
what is there is not fetched again, and a document that was handed in is not read a second time.

Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... folder.py FOLDER
Needs requests (Debian: python3-requests).
"""
import hashlib
import os
import pathlib
import sys
import time

import requests

API = os.environ["KHOCR_URL"].rstrip("/") + "/api/v1"
SESSION = requests.Session()
SESSION.headers["X-API-Key"] = os.environ["KHOCR_API_KEY"]


class Failed(Exception):
    """Why a document has no result, in both languages."""


def call(method, path, **options):
    """Makes a request, again and again while the API asks to come later. A month that is used up is not waited for."""
    while True:
        response = SESSION.request(method, API + path, timeout=120, **options)
        if response.ok:
            return response
        problem = response.json()
        if response.status_code not in (429, 503) or problem["code"] == "page_quota_exceeded":
            raise Failed(f"{problem['code']}: {problem['detail']}\n{problem['message_km']}៖ {problem['detail_km']}")
        time.sleep(int(response.headers["Retry-After"]))


def submit(path):
    """Hands a document in, under a name that is its own: sent once more it is the same job."""
    content = path.read_bytes()
    answer = call("POST", "/convert", files={"file": (path.name, content)}, data={"output_format": "docx"},
                  headers={"Idempotency-Key": hashlib.sha256(content).hexdigest()})
    return answer.json()["job_id"]


def fetch(job, result):
    """Waits for the end of a job, and writes its result: whole, or under no name that counts."""
    status = "QUEUED"
    while status in ("QUEUED", "PROCESSING"):
        told = call("GET", f"/jobs/{job}", params={"wait": "60s"}).json()
        status = told["status"]
    if status != "COMPLETED":
        reason = told.get("error", {"message": status, "message_km": ""})
        raise Failed(f"{reason['message']}\n{reason['message_km']}")
    part = result.with_suffix(".docx.part")
    part.write_bytes(call("GET", f"/jobs/{job}/result", params={"format": "docx"}).content)
    part.replace(result)


def main(folder):
    documents = [path for path in sorted(folder.glob("*.pdf")) if not path.with_suffix(".docx").exists()]
    jobs, failed = {}, False
    # All are handed in first: the platform works on as many at once as the plan allows.
    for path in documents:
        try:
            jobs[path] = submit(path)
        except (Failed, requests.RequestException) as why:
            print(f"{path}: {why}", file=sys.stderr)
            failed = True
    for path, job in jobs.items():
        try:
            fetch(job, path.with_suffix(".docx"))
            print(path.with_suffix(".docx"), flush=True)
        except (Failed, requests.RequestException) as why:
            print(f"{path}: {why}", file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(pathlib.Path(sys.argv[1])))
    except requests.ConnectionError as lost:
        sys.exit(f"{API}: {lost}")
