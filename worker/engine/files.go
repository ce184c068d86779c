package engine

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func openSized(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open the document: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("open the document: %w", err)
	}
	return file, info.Size(), nil
}

// empty a file that something was written to in vain.
func empty(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("empty the output: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("empty the output: %w", err)
	}
	return nil
}

func newBuffer(to io.Writer) *bufio.Writer { return bufio.NewWriterSize(to, 256<<10) }
