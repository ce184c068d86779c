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

	"github.com/openplp/khocr/api/v1alpha1"
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

// intake is a form that has come in whole: what it asks for, and the document that is stored.
type intake struct {
	spec     v1alpha1.OcrJobSpec
	password string
}

// receive reads a form and stores its file under the id. If it fails nothing is left in the store.
func (s *Server) receive(r *http.Request, namespace, id string, maxFile int64) (intake, error) {
	asked, file, err := s.readForm(r, storage.UploadKey(namespace, id), maxFile)
	if err == nil && file == nil {
		err = missingFile.because(nil)
	}
	var whole intake
	if err == nil {
		whole.password = asked.password
		whole.spec, err = asked.spec()
	}
	if err != nil {
		if file != nil {
			s.discard(r.Context(), namespace, id)
		}
		return intake{}, err
	}
	whole.spec.Source.Upload = &v1alpha1.Upload{
		ID: id, FileName: file.fileName, MediaType: file.mediaType, Size: file.size, SHA256: file.sha256,
	}
	return whole, nil
}

// readForm reads a form part by part and stores its file under the key on the way. Once it has stored something it tells
// so by file, whatever else goes wrong. Parameters may stand before and after the file.
func (s *Server) readForm(r *http.Request, key string, maxFile int64) (asked *parameters, file *upload, err error) {
	boundary, err := boundaryOf(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, err
	}
	if r.ContentLength > maxFile+maxForm {
		return nil, nil, tooLarge(maxFile)
	}
	asked = &parameters{guard: s.Guard}
	// A form is read in small pieces, the connection in larger ones.
	body := &budgetReader{reader: bufio.NewReaderSize(r.Body, readBytes), left: maxForm}
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return asked, file, nil
		}
		if err != nil {
			return nil, file, bodyProblem(err, malformedForm)
		}
		switch name := part.FormName(); {
		case name == "":
			err = malformedForm.because(nil)
		case name != "file":
			err = readParameter(asked, name, part)
		case file != nil:
			err = tooManyFiles.because(nil)
		default:
			file, err = s.storeFile(r.Context(), key, part, body, maxFile)
		}
		if err != nil {
			return nil, file, err
		}
	}
}

// readBytes are read of a connection at a time. Each upload under way, however slow, holds as much memory.
const readBytes = 64 << 10

func boundaryOf(contentType string) (string, error) {
	mediaType, values, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" || values["boundary"] == "" {
		return "", unsupportedContentType.because(err)
	}
	return values["boundary"], nil
}

func readParameter(into *parameters, name string, part io.Reader) error {
	value, err := io.ReadAll(io.LimitReader(part, int64(limitOf(name))+1))
	if err != nil {
		return bodyProblem(err, malformedForm)
	}
	return into.set(name, string(value))
}

// storeFile looks at the first bytes of a file and streams it to the store.
func (s *Server) storeFile(ctx context.Context, key string, part *multipart.Part, budget *budgetReader, maxFile int64) (*upload, error) {
	content := bufio.NewReaderSize(creditReader{part, budget}, mediatype.HeadBytes)
	head, err := content.Peek(mediatype.HeadBytes)
	if err != nil && err != io.EOF {
		return nil, bodyProblem(err, uploadIncomplete)
	}
	if len(head) == 0 {
		return nil, emptyFile.because(nil)
	}
	file := &upload{fileName: filename.Clean(rawFileName(part.Header)), mediaType: mediatype.Detect(head)}
	if file.mediaType == "" {
		return nil, invalidFile.because(nil)
	}
	digest := sha256.New()
	limited := &cappedReader{reader: content, left: maxFile, full: tooLarge(maxFile)}
	file.size, err = s.Store.Put(ctx, key, io.TeeReader(limited, digest))
	var problem *problemError
	switch {
	case err == nil:
		file.sha256 = hex.EncodeToString(digest.Sum(nil))
		file.count()
		return file, nil
	case errors.As(err, &problem), errors.Is(err, storage.ErrUnavailable):
		return nil, err
	case errors.Is(err, storage.ErrExists):
		return nil, serviceUnavailable.because(err)
	default:
		return nil, bodyProblem(err, uploadIncomplete)
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
