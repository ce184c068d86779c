package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// told is one event of a stream.
type told struct {
	id, event, data string
}

func (e told) job(t *testing.T) (job jobStatus) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &job); err != nil {
		t.Fatalf("reading event %+v: %v", e, err)
	}
	return job
}

// listen has curl print the events of a job until the stream ends.
func (t *tenant) listen(url string, headers ...string) []told {
	t.Helper()
	arguments := []string{"--silent", "--show-error", "--no-buffer", "--max-time", "300"}
	for _, header := range headers {
		arguments = append(arguments, "--header", header)
	}
	output, err := exec.CommandContext(t.Context(), "curl", append(arguments, t.url+url)...).Output()
	if err != nil {
		t.Fatalf("listening at %s: %v\n%s", url, err, output)
	}
	var events []told
	var event told
	for lines := bufio.NewScanner(strings.NewReader(string(output))); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "":
			if event != (told{}) {
				events = append(events, event)
			}
			event = told{}
		case "id":
			event.id = value
		case "event":
			event.event = value
		case "data":
			event.data += value
		}
	}
	return events
}

func TestEventsTellOfAJobUntilItsEnd(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	path := "/api/v1/jobs/" + id + "/events"
	events := org.listen(path, "X-API-Key: "+org.key)
	if len(events) < 3 {
		t.Fatalf("events = %+v", events)
	}
	last := 0.0
	steps := map[float64]bool{}
	for _, event := range events[:len(events)-1] {
		job := event.job(t)
		if event.event != "progress" || event.id == "" || job.ID != id || job.Progress < last {
			t.Errorf("event %+v comes after progress %g", event, last)
		}
		last = job.Progress
		steps[last] = true
	}
	if len(steps) < 2 {
		t.Errorf("no progress was told: %v", steps)
	}
	end := events[len(events)-1]
	if job := end.job(t); end.event != "end" || job.Status != "COMPLETED" || job.Progress != 100 {
		t.Errorf("the last event is %+v", end)
	}

	t.Run("again from where they broke off", func(t *testing.T) {
		here := org.at(t)
		if again := here.listen(path, "X-API-Key: "+org.key, "Last-Event-ID: "+events[0].id); len(again) == 0 || again[len(again)-1].event != "end" {
			t.Errorf("events = %+v", again)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
		here.must(err)
		request.Header.Set("X-API-Key", org.key)
		request.Header.Set("Last-Event-ID", end.id)
		response, err := web.Do(request)
		here.must(err)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("who knows the end gets status %d", response.StatusCode)
		}
	})
	t.Run("by a link for programs that cannot send headers", func(t *testing.T) {
		here := org.at(t)
		a, err := here.send(http.MethodPost, path, nil, "")
		here.must(err)
		var link struct {
			URL string `json:"url"`
		}
		a.decode(t, &link)
		if a.status != http.StatusCreated || strings.Contains(link.URL, org.key) {
			t.Fatalf("answer %d: %s", a.status, a.body)
		}
		if again := here.listen(link.URL); len(again) == 0 || again[len(again)-1].event != "end" {
			t.Errorf("events = %+v", again)
		}
		other := here.submit(form{fileName: "native.pdf", content: testdata(t, "native.pdf")})
		if status, body, err := (&tenant{platform: here.platform}).try(http.MethodGet, strings.Replace(link.URL, id, other, 1), nil, ""); err != nil || status != http.StatusUnauthorized {
			t.Errorf("the link of one job opens another: %d %s %v", status, body, err)
		}
	})
}

func TestAQuestionMayWaitForTheEnd(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "sample.pdf", content: testdata(t, "sample.pdf")})
	var job jobStatus
	org.until("a question that waited has the end", func() bool {
		a, err := org.send(http.MethodGet, "/api/v1/jobs/"+id+"?wait=30s", nil, "")
		p.must(err)
		a.decode(t, &job)
		return job.ended()
	})
	if job.Status != "COMPLETED" {
		t.Errorf("job = %+v", job)
	}
}

func TestPagesAreReadWhileTheJobRuns(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	running := false
	org.until("the first page is there", func() bool {
		status, body, err := org.try(http.MethodGet, "/api/v1/jobs/"+id+"/pages/1", nil, "")
		if err != nil || status != http.StatusOK {
			return false
		}
		var page struct {
			Number int    `json:"page"`
			Text   string `json:"text"`
		}
		p.must(json.Unmarshal(body, &page))
		if page.Number != 1 || page.Text == "" {
			t.Fatalf("page = %s", body)
		}
		running = !org.job(id).Status.Phase.Ended()
		return true
	})
	if !running {
		t.Error("the page came when the job had ended")
	}
	org.await(id)
	if a, err := org.send(http.MethodGet, "/api/v1/jobs/"+id+"/pages/21", nil, ""); err != nil || a.problem().Code != "page_not_found" {
		t.Errorf("a page beyond the end: %+v, %v", a, err)
	}
}
