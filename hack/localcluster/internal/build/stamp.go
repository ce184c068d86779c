package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// stamps remembers in a file from what each program was built, so that a build
// with nothing to do costs milliseconds. Asking Go's own build cache instead
// takes several seconds for each program of Kubernetes.
type stamps struct {
	bin   string
	built map[string]string
}

func (s stamps) file() string { return filepath.Join(s.bin, "built.json") }

func readStamps(bin string) (stamps, error) {
	s := stamps{bin: bin, built: make(map[string]string)}
	content, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading what was built: %w", err)
	}
	if err := json.Unmarshal(content, &s.built); err != nil {
		return s, fmt.Errorf("reading what was built from %s: %w", s.file(), err)
	}
	return s, nil
}

func (s stamps) upToDate(name, stamp string) bool {
	_, err := os.Stat(filepath.Join(s.bin, name))
	return err == nil && s.built[name] == stamp
}

func (s stamps) set(name, stamp string) error {
	s.built[name] = stamp
	content, err := json.MarshalIndent(s.built, "", "  ")
	if err != nil {
		return fmt.Errorf("noting what was built: %w", err)
	}
	if err := os.WriteFile(s.file(), content, 0o644); err != nil {
		return fmt.Errorf("noting what was built: %w", err)
	}
	return nil
}

// stamp stands for everything that the program's content depends on.
func (p program) stamp(source string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH, p.path, p.flags)
	files := []string{"go.mod", "go.sum"}
	if p.module == "." {
		files = []string{filepath.Join(p.path, "main.go")}
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(source, p.module, file))
		if err != nil {
			return "", fmt.Errorf("reading what %s is built from: %w", p.name, err)
		}
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}
