// Package vulncheck tests that `make vulncheck` tells what is vulnerable from what is not, and both from not knowing.
package vulncheck

import (
	"errors"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestVulncheck(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles govulncheck")
	}
	folder := func(name string) string {
		path, err := filepath.Abs(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	for _, test := range []struct {
		name, database string
		status         int
		says           string
	}{
		{"nothing is known against what is used", folder("clean"), 0, "No vulnerabilities found."},
		{"what is called is vulnerable", folder("vulnerable"), 3, "GO-2000-0001"},
		{"the database is out of reach", folder("missing"), 69, "NOT CHECKED"},
		{"the database's host is out of reach", "http://127.0.0.1:1", 69, "NOT CHECKED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := exec.Command("../../hack/vulncheck.sh", "test/vulncheck/testdata/module")
			command.Env = append(command.Environ(), "GOVULNDB="+test.database, "GOWORK=off")
			output, err := command.CombinedOutput()
			exit := new(exec.ExitError)
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			status := 0
			if err != nil {
				status = exit.ExitCode()
			}
			if status != test.status || !strings.Contains(string(output), test.says) {
				t.Errorf("status %d, want %d with %q\n%s", status, test.status, test.says, output)
			}
		})
	}
}
