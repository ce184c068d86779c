curl -X POST https://HOST/api/v1/convert -H "X-API-Key: khocr_your_key" -F "file=@document.pdf" -F "output_format=json"
curl https://HOST/api/v1/jobs/a1b2c3d4e5f6 -H "X-API-Key: khocr_your_key"
