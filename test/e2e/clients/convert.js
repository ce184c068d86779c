const formData = new FormData();
formData.append('file', fileInput.files[0]);
formData.append('output_format', 'json');
const response = await fetch('/api/v1/convert', { method: 'POST', headers: { 'X-API-Key': 'khocr_your_key' }, body: formData });
console.log('Job ID:', (await response.json()).job_id);
