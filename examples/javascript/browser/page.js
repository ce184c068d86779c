const file = document.getElementById('file');
const progress = document.getElementById('progress');
const status = document.getElementById('status');

// submit hands the document in, and returns the job.
async function submit(document) {
  const form = new FormData();
  form.append('output_format', 'docx');
  form.append('file', document);
  const response = await fetch('/convert', { method: 'POST', body: form });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.detail_km} (${answer.detail})`);
  return answer.job_id;
}

// follow shows how the job stands until it has ended.
function follow(job) {
  return new Promise((resolve, reject) => {
    // It goes on by itself after a break, where it left off.
    const events = new EventSource(`/jobs/${job}/events`);
    events.addEventListener('progress', (event) => { progress.value = JSON.parse(event.data).progress; });
    events.addEventListener('end', (event) => {
      events.close();
      const told = JSON.parse(event.data);
      progress.value = told.progress;
      if (told.status === 'COMPLETED') resolve();
      else reject(new Error(told.error ? `${told.error.message_km} (${told.error.message})` : told.status));
    });
  });
}

file.addEventListener('change', async () => {
  progress.value = 0;
  status.textContent = 'កំពុងអាន… (reading)';
  try {
    const job = await submit(file.files[0]);
    await follow(job);
    const link = document.createElement('a');
    link.href = `/jobs/${job}/result?format=docx`;
    link.textContent = 'ទាញយក Word (download)';
    status.replaceChildren(link);
  } catch (error) {
    // As text: what comes from a document or a server is no markup.
    status.textContent = error.message;
  }
});
