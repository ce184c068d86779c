package searchable

import (
	"fmt"
	"os"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// Rewrite makes a copy of a PDF that is neither damaged nor encrypted. It keeps the document in memory. The password is for
// a document that has one.
func Rewrite(from, to, password string) (err error) {
	defer func() {
		// The library has checks that panic.
		if reason := recover(); reason != nil {
			err = fmt.Errorf("rewrite the document: %v", reason)
		}
	}()
	// It would make a folder in the user's home otherwise.
	api.DisableConfigDir()
	configuration := model.NewDefaultConfiguration()
	configuration.UserPW, configuration.OwnerPW = password, password
	configuration.Cmd = model.DECRYPT
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the document: %w", err)
	}
	defer source.Close()
	read, err := api.ReadContext(source, configuration)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	target, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("make the copy: %w", err)
	}
	defer target.Close()
	if err := api.WriteContext(read, target); err != nil {
		return fmt.Errorf("write the copy: %w", err)
	}
	return nil
}
