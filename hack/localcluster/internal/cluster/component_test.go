package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDigestFollowsArgumentsAndFiles(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("1"), 0o755); err != nil {
		t.Fatal(err)
	}
	base := func() component {
		return component{args: []string{program, "--a"}, configs: map[string][]byte{"/f": []byte("x")}}
	}
	if first, second := base().digest(), base().digest(); first != second {
		t.Error("the same component has two digests")
	}
	arguments, files := base(), base()
	arguments.args = append(arguments.args, "--b")
	files.configs["/f"] = []byte("y")
	for name, changed := range map[string]component{"arguments": arguments, "files": files} {
		if changed.digest() == base().digest() {
			t.Errorf("%s do not change the digest", name)
		}
	}
	before := base().digest()
	if err := os.WriteFile(program, []byte("22"), 0o755); err != nil {
		t.Fatal(err)
	}
	if base().digest() == before {
		t.Error("another program has the same digest")
	}
}

func TestEveryComponentCanBeMade(t *testing.T) {
	c := testCluster(t)
	if _, err := c.component("kubelet"); err == nil {
		t.Error("made a component without certificates")
	}
	if _, err := c.component("nonsense"); err == nil {
		t.Error("made a component that there is not")
	}
}

func TestPoll(t *testing.T) {
	t.Run("ends with success", func(t *testing.T) {
		calls := 0
		err := poll(t.Context(), time.Minute, func(context.Context) error {
			if calls++; calls < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || calls != 3 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
	t.Run("gives up at once when waiting is no use", func(t *testing.T) {
		calls, dead := 0, errors.New("it has ended")
		err := poll(t.Context(), time.Minute, func(context.Context) error {
			calls++
			return fatalError{dead}
		})
		if !errors.Is(err, dead) || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
	t.Run("tells the last error when the time is over", func(t *testing.T) {
		err := poll(t.Context(), time.Millisecond, func(context.Context) error { return errors.New("not yet") })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestTailIsShort(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte(strings.Repeat("line\n", 100)+"last\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(tail(log), "\n"); len(lines) != 12 || lines[11] != "last" {
		t.Errorf("tail is %q", lines)
	}
}

func TestParseImages(t *testing.T) {
	table := "REF                TYPE                         DIGEST      SIZE PLATFORMS LABELS\n" +
		"localhost/pause:1  application/vnd.oci.image    sha256:abc  1 MiB linux/amd64 -\n" +
		"sha256:def         application/vnd.oci.image    sha256:abc  1 MiB linux/amd64 -\n"
	images := parseImages(table)
	if len(images) != 2 || images["localhost/pause:1"] != "sha256:abc" {
		t.Errorf("images are %v", images)
	}
}
