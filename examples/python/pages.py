#!/usr/bin/env python3
"""Prints the text of a document page after page, while the others are still being read. Nothing but Python is needed.

Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... pages.py FILE
"""
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request
import uuid

API = os.environ["KHOCR_URL"].rstrip("/") + "/api/v1"


def request(path, body=None, headers=None):
    """Begins a request, whose answer may be read while it comes."""
    headers = {"X-API-Key": os.environ["KHOCR_API_KEY"], **(headers or {})}
    return urllib.request.urlopen(urllib.request.Request(API + path, body, headers), timeout=120)


def submit(path):
    """Hands a document in as the one file of a form."""
    boundary = uuid.uuid4().hex
    # The content tells what it is. The name is only shown, so one of ASCII will do.
    name = path.name.encode("ascii", "replace").decode().replace('"', "_")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    with request("/convert", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}) as answer:
        return json.load(answer)["job_id"]


def page(job, number):
    """A page, or None while it is not there yet."""
    try:
        with request(f"/jobs/{job}/pages/{number}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        if refused.code in (404, 409):
            return None
        raise


def main(path):
    job = submit(path)
    next_page, status = 1, ""
    # Each event tells how the job stands; the stream closes after the last one.
    with request(f"/jobs/{job}/events") as events:
        for line in events:
            if not line.startswith(b"data:"):
                continue
            status = json.loads(line[len("data:"):])["status"]
            while found := page(job, next_page):
                print(f"--- page {next_page}\n{found['text']}", flush=True)
                next_page += 1
    if status != "COMPLETED":
        sys.exit(f"the job is {status or 'unknown'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(pathlib.Path(sys.argv[1]))
    except urllib.error.HTTPError as refused:
        problem = json.load(refused)
        sys.exit(f"{problem['code']}: {problem['detail']}\n{problem['message_km']}៖ {problem['detail_km']}")
    except urllib.error.URLError as lost:
        sys.exit(f"{API}: {lost.reason}")
