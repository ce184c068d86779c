package apigateway

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"

	"github.com/openplp/khocr/apigateway/filename"
	"github.com/openplp/khocr/internal/mediatype"
	"github.com/openplp/khocr/internal/storage"
)

// maxForm bounds a form in bytes without the content of its file: a handful of parameters and the headers around them.
const maxForm = 64 << 10

// upload is a document as it lies in the store.
type upload struct {
	fileName, mediaType, sha256 string
	size                        int64
}

// submission is a form that has come in whole.
type submission struct {
	parameters
	file upload
}

// receive reads a form part by part and stores its file under the key on the way. Once it has stored something it tells
// so by stored, whatever else goes wrong. Parameters may stand before and after the file.
func (s *Server) receive(r *http.Request, key string, maxFile int64) (form submission, stored bool, err error) {
	boundary, err := boundaryOf(r.Header.Get("Content-Type"))
	if err != nil {
		return form, false, err
	}
	if r.ContentLength > maxFile+maxForm {
		return form, false, tooLarge(maxFile)
	}
	body := &budgetReader{reader: r.Body, left: maxForm}
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return form, stored, bodyProblem(err, malformedForm)
		}
		switch name := part.FormName(); {
		case name == "":
			err = malformedForm.because(nil)
		case name != "file":
			err = readParameter(&form.parameters, name, part)
		case stored:
			err = tooManyFiles.because(nil)
		default:
			form.file, err = s.storeFile(r.Context(), key, part, body, maxFile)
			stored = err == nil
		}
		if err != nil {
			return form, stored, err
		}
	}
	if !stored {
		return form, false, missingFile.because(nil)
	}
	return form, true, nil
}

func boundaryOf(contentType string) (string, error) {
	mediaType, values, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" || values["boundary"] == "" {
		return "", unsupportedContentType.because(err)
	}
	return values["boundary"], nil
}

func readParameter(into *parameters, name string, part io.Reader) error {
	value, err := io.ReadAll(io.LimitReader(part, maxParameter+1))
	if err != nil {
		return bodyProblem(err, malformedForm)
	}
	if len(value) > maxParameter {
		return parameterTooLong.detailed("The value of %s is longer than %d bytes.", shown(name), maxParameter)
	}
	return into.set(name, string(value))
}

// storeFile looks at the first bytes of a file and streams it to the store.
func (s *Server) storeFile(ctx context.Context, key string, part *multipart.Part, budget *budgetReader, maxFile int64) (upload, error) {
	content := bufio.NewReaderSize(creditReader{part, budget}, mediatype.HeadBytes)
	head, err := content.Peek(mediatype.HeadBytes)
	if err != nil && err != io.EOF {
		return upload{}, bodyProblem(err, uploadIncomplete)
	}
	if len(head) == 0 {
		return upload{}, emptyFile.because(nil)
	}
	file := upload{fileName: filename.Clean(rawFileName(part.Header)), mediaType: mediatype.Detect(head)}
	if file.mediaType == "" {
		return upload{}, invalidFile.because(nil)
	}
	digest := sha256.New()
	limited := &cappedReader{reader: content, left: maxFile, full: tooLarge(maxFile)}
	file.size, err = s.Store.Put(ctx, key, io.TeeReader(limited, digest))
	var problem *problemError
	switch {
	case err == nil:
		file.sha256 = hex.EncodeToString(digest.Sum(nil))
		return file, nil
	case errors.As(err, &problem), errors.Is(err, storage.ErrUnavailable):
		return upload{}, err
	case errors.Is(err, storage.ErrExists):
		return upload{}, serviceUnavailable.because(err)
	default:
		return upload{}, bodyProblem(err, uploadIncomplete)
	}
}

// rawFileName is the name as it was sent. The standard library's FileName takes it for a path of this system, and gives a
// dot for an empty one.
func rawFileName(header textproto.MIMEHeader) string {
	_, values, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return values["filename"]
}

func tooLarge(maxFile int64) *problemError {
	return fileTooLarge.detailed("The file is larger than the %d bytes that are allowed.", maxFile)
}

// bodyProblem finds what went wrong with a body that cannot be read; otherwise is for anything that is the sender's fault
// in a way of its own.
func bodyProblem(err error, otherwise Problem) error {
	var timeout net.Error
	switch {
	case errors.Is(err, errBudget):
		return formTooLarge.detailed("The form is larger than %d bytes even without the file.", maxForm)
	case errors.As(err, &timeout) && timeout.Timeout():
		return uploadTooSlow.because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.As(err, &timeout), errors.Is(err, context.Canceled):
		return uploadIncomplete.because(err)
	default:
		return otherwise.because(err)
	}
}

var errBudget = errors.New("the form's budget is spent")

// budgetReader bounds the bytes of a form that are not the content of its file: reading the file gives back what it took.
// Without it the headers of a part could take megabytes of memory.
type budgetReader struct {
	reader io.Reader
	left   int64
}

func (b *budgetReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBudget
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// creditReader gives to a budget what it reads.
type creditReader struct {
	reader io.Reader
	budget *budgetReader
}

func (c creditReader) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.budget.left += int64(n)
	return n, err
}

// cappedReader fails with full on the first byte beyond its limit.
type cappedReader struct {
	reader io.Reader
	left   int64
	full   error
}

func (c *cappedReader) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	if int64(n) > c.left {
		return 0, c.full
	}
	c.left -= int64(n)
	return n, err
}
