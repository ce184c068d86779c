package archive

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openplp/khocr/hack/images/internal/content"
)

// A program that is built in another folder, with nothing in Go's build cache, makes the same image. A small one stands for
// all, which `make reproduce` builds twice.
func TestAnImageThatIsBuiltTwiceIsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the runtime")
	}
	makefile, err := os.ReadFile("../../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^BUILD_FLAGS := (.*)$`).FindSubmatch(makefile)
	if match == nil {
		t.Fatal("the Makefile has no BUILD_FLAGS")
	}
	flags := strings.NewReplacer("$(TAGS)", "", "$(VERSION)", "dev").Replace(string(match[1]))
	build := func(cache string) Written {
		source, bin := t.TempDir(), t.TempDir()
		for name, text := range map[string]string{
			"go.mod":  "module samples\n\ngo 1.26.0\n",
			"main.go": "package main\n\nimport \"os\"\n\nfunc main() { _, _ = os.Stdout.WriteString(\"samples\") }\n",
		} {
			if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.Command("sh", "-c", "go build "+flags+" -o "+bin+"/samples .")
		command.Dir, command.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if cache != "" {
			command.Env = append(command.Env, "GOCACHE="+cache)
		}
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		image, err := content.Of("samples", content.Place{Bin: bin, Checkout: "../../../.."})
		if err != nil {
			t.Fatal(err)
		}
		written, err := Write(filepath.Join(t.TempDir(), "samples.tar"), "amd64", image)
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	if first, second := build(""), build(t.TempDir()); first != second {
		t.Errorf("got %v and %v", first, second)
	}
}
