package engine

import (
	"bufio"
	"errors"
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

// output is the file that a request wants, as long as it may become.
type output struct {
	*os.File
	most int64
}

var errTooLong = errors.New("the output is longer than it may be")

func (o *output) Write(data []byte) (int, error) {
	at, err := o.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at+int64(len(data)) > o.most {
		return 0, errTooLong
	}
	return o.File.Write(data)
}

// ReadFrom hides the file's own, which would not look at the length.
func (o *output) ReadFrom(from io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{o}, from)
}

// empty it of what was written in vain.
func (o *output) empty() error {
	if err := o.Truncate(0); err != nil {
		return fmt.Errorf("empty the output: %w", err)
	}
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("empty the output: %w", err)
	}
	return nil
}

func buffer(to io.Writer) *bufio.Writer { return bufio.NewWriterSize(to, 256<<10) }
