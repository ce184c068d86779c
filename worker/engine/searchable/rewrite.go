package searchable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// Rewrite makes a copy of a PDF that is neither damaged nor encrypted. It keeps the document in memory. The password is for
// a document that has one. A copy that would have more bytes than most is given up: objects that are packed in the document are
// not in it.
func Rewrite(from, to, password string, most int64) (err error) {
	defer func() {
		// The library has checks that panic.
		if reason := recover(); reason != nil {
			err = fmt.Errorf("rewrite the document: %v", reason)
		}
	}()
	// It would make a folder in the user's home otherwise.
	model.ConfigPath = "disable"
	configuration := model.NewDefaultConfiguration()
	configuration.UserPW, configuration.OwnerPW = password, password
	configuration.Cmd = model.DECRYPT
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the document: %w", err)
	}
	defer source.Close()
	// Not by the library's package api: what that imports makes a table of all characters' widths when the engine starts.
	read, err := pdfcpu.Read(source, configuration)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("make the copy: %w", err)
	}
	defer target.Close()
	buffered := bufio.NewWriter(&bounded{to: target, left: most})
	// The library asks the file for its size.
	read.Write.Writer, read.Write.Fp = buffered, target
	if err := errors.Join(pdfcpu.WriteContext(read), buffered.Flush()); err != nil {
		return fmt.Errorf("write the copy: %w", err)
	}
	return nil
}

// bounded hands on so many bytes, and no more.
type bounded struct {
	to   io.Writer
	left int64
}

var errTooLong = errors.New("the copy is longer than it may be")

func (b *bounded) Write(data []byte) (int, error) {
	if b.left -= int64(len(data)); b.left < 0 {
		return 0, errTooLong
	}
	return b.to.Write(data)
}
