import requests
response = requests.post("https://HOST/api/v1/convert", headers={"X-API-Key": "khocr_your_key"},
    files={"file": open("document.pdf", "rb")}, data={"output_format": "json"})
print(f"Job ID: {response.json()['job_id']}")
