package monitoring

import (
	"encoding/json"
	"strings"
	"testing"
)

// line of a log.
type line map[string]any

// lines reads a log, every line of which is JSON with a time, a level and a message.
func lines(t *testing.T, name, text string) []line {
	t.Helper()
	var all []line
	for raw := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Errorf("%s: a line is no JSON: %q: %v", name, raw, err)
			continue
		}
		for _, field := range []string{"time", "level", "msg"} {
			if l[field] == nil {
				t.Errorf("%s: a line has no %s: %s", name, field, raw)
			}
		}
		all = append(all, l)
	}
	return all
}

// testLogs looks for a job by the one name that it has in all logs, and for what must be in none.
func testLogs(t *testing.T, p *platform, done done) {
	logs := map[string]string{"workers": p.workers.String()}
	for _, manager := range p.managers {
		logs["managers"] += manager.log.String()
	}
	for _, gateway := range p.gateways {
		logs["gateways"] += gateway.log.String()
	}
	job := done.namespace + "/" + done.jobs[0]
	for name, text := range logs {
		found := 0
		for _, l := range lines(t, name, text) {
			if l["job"] == job {
				found++
			}
			if l["msg"] == "request" && (l["request_id"] == nil || l["route"] == nil || l["status"] == nil) {
				t.Errorf("%s: a line about a request lacks something: %v", name, l)
			}
			if l["job"] == job && l["organization"] != "moj" && (name == "workers" || l["msg"] == "The job has ended") {
				t.Errorf("%s: a line about the job names the organization %v: %v", name, l["organization"], l)
			}
		}
		if found == 0 {
			t.Errorf("%s say nothing of %s:\n%s", name, job, tail(text))
		}
		for _, secret := range []string{done.key, "crash.pdf", "image.png", "Bearer ey"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s say %q", name, secret)
			}
		}
	}
}
