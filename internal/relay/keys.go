package relay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxKeyBytes is more than any key has.
const maxKeyBytes = 16 << 10

// readKey reads a key from the file of its name, which may have changed since it was read last. A key is empty where it has no name.
// Errors do not hold it.
func readKey(folder, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	// Not elsewhere, whatever the name is.
	file, err := os.OpenInRoot(folder, name)
	if err != nil {
		return "", fmt.Errorf("open the key: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxKeyBytes))
	if err != nil {
		return "", fmt.Errorf("read the key: %w", err)
	}
	// A Secret that was made from a file may end in a newline.
	key := strings.TrimSpace(string(content))
	if key == "" || !httpguts.ValidHeaderFieldValue(key) {
		return "", errors.New("the file of the key holds none")
	}
	return key, nil
}
