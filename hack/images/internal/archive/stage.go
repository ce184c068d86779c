package archive

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/openplp/khocr/hack/images/internal/content"
)

// Stage lays out the root file system of an image in a folder, for a Dockerfile to copy.
func Stage(folder string, of content.Image) error {
	for _, file := range of.Files() {
		data, err := file.Content()
		if err != nil {
			return fmt.Errorf("staging image %s: %w", of.Name, err)
		}
		target := filepath.Join(folder, filepath.FromSlash(file.Target))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("staging image %s: %w", of.Name, err)
		}
		if err := os.WriteFile(target, data, file.Mode.Perm()); err != nil {
			return fmt.Errorf("staging image %s: %w", of.Name, err)
		}
	}
	return nil
}
