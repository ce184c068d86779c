package e2e

import (
	"embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// programs are those that the users of the API were given. They are run as they stand: only the host and the key are
// filled in.
//
//go:embed clients
var programs embed.FS

// clientProgram is one of the programs, for this platform and the tenant's key.
func (t *tenant) clientProgram(name string) string {
	t.Helper()
	program, err := programs.ReadFile("clients/" + name)
	t.must(err)
	return strings.NewReplacer(
		"https://HOST", t.url,
		"'/api/", "'"+t.url+"/api/", // where a browser takes the host from the page
		"khocr_your_key", t.key,
	).Replace(string(program))
}

var printedID = regexp.MustCompile(`^Job ID: ([0-9a-f]{12})\n$`)

func TestTheUsersProgramsWorkAsTheyStand(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	folder := t.TempDir()
	p.must(os.WriteFile(filepath.Join(folder, "document.pdf"), testdata(t, "native.pdf"), 0o600))
	run := func(t *testing.T, program string, arguments ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), program, arguments...)
		command.Dir = folder
		var complaints strings.Builder
		command.Stderr = &complaints
		output, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", program, err, output, complaints.String())
		}
		return string(output)
	}
	ended := func(t *testing.T, output string) {
		t.Helper()
		match := printedID.FindStringSubmatch(output)
		if match == nil {
			t.Fatalf("it printed %q", output)
		}
		if job := org.at(t).await(match[1]); job.Status != "COMPLETED" {
			t.Errorf("job = %+v", job)
		}
	}

	t.Run("curl", func(t *testing.T) {
		here := org.at(t)
		submit, ask, _ := strings.Cut(here.clientProgram("convert.sh"), "\n")
		var told accepted
		here.must(json.Unmarshal([]byte(run(t, "sh", "-c", submit)), &told))
		if told.Status != "queued" || told.Message != "PDF submitted for processing" || told.MessageKm != "ឯកសារ PDF បានដាក់សម្រាប់ដំណើរការ" {
			t.Errorf("answer = %+v", told)
		}
		here.await(told.JobID)
		var fields map[string]any
		here.must(json.Unmarshal([]byte(run(t, "sh", "-c", strings.ReplaceAll(ask, "a1b2c3d4e5f6", told.JobID))), &fields))
		if fields["id"] != told.JobID || fields["status"] != "COMPLETED" || fields["progress"] != 100.0 || fields["task_type"] != "convert" {
			t.Errorf("job = %v", fields)
		}
		if elapsed, ok := fields["elapsed_seconds"].(float64); !ok || elapsed < 0 {
			t.Errorf("elapsed_seconds = %v", fields["elapsed_seconds"])
		}
	})
	t.Run("Python with requests", func(t *testing.T) {
		ended(t, run(t, "/usr/bin/python3", "-c", org.at(t).clientProgram("convert.py")))
	})
	t.Run("Node with fetch", func(t *testing.T) {
		// What the page around the program has: a control with a file in it.
		page := `import { readFileSync } from 'node:fs';
import { File } from 'node:buffer';
const fileInput = { files: [new File([readFileSync('document.pdf')], 'document.pdf', { type: 'application/pdf' })] };
`
		ended(t, run(t, "node", "--no-warnings", "--input-type=module", "--eval", page+org.at(t).clientProgram("convert.js")))
	})
}
