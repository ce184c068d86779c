package apigateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/pagerange"
	"github.com/openplp/khocr/internal/storage"
)

// FuzzReceive sends forms of all kinds. One that is taken has its file in the store, byte for byte as another reader of the
// form finds it; of any other one nothing stays, and the sender is told what is wrong with it.
func FuzzReceive(f *testing.F) {
	const boundary = "b"
	contentType := "multipart/form-data; boundary=" + boundary
	field := func(headers, content string) string {
		return "--" + boundary + "\r\n" + headers + "\r\n\r\n" + content + "\r\n"
	}
	file := field(`Content-Disposition: form-data; name="file"; filename="ឯកសារ.pdf"`, "%PDF-1.7\ncontent")
	parameter := func(name, value string) string {
		return field(`Content-Disposition: form-data; name="`+name+`"`, value)
	}
	end := "--" + boundary + "--\r\n"
	for _, body := range []string{
		file + end, parameter("output_format", "docx") + file + parameter("pages", "3,1-2") + end, file + file + end, file + "--" + boundary, file[:60], end, "",
		parameter("pages", "x") + file + end, file + parameter("pages", "x") + end, file + parameter("unknown", "") + end, file + parameter("priority", "high") + parameter("priority", "low") + end,
		field(`Content-Disposition: form-data; name="file"; filename="../../etc/passwd"`, "\x89PNG\r\n\x1a\n") + end, field(`Content-Disposition: form-data; name="file"`, "GIF89a") + end,
		field(`Content-Disposition: form-data; name="file"; filename*=UTF-8''%E1%9E%80.pdf`, "%PDF-") + end, field(`Content-Disposition: form-data; name=""`, "x") + end,
		field("Content-Disposition: form-data; name=\"file\"\r\nContent-Transfer-Encoding: quoted-printable", "%PDF-=31.7=\r\n") + end, field("X: "+strings.Repeat("x", 70_000), "x") + end,
		field("Content-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed; boundary=c", "--c\r\n\r\n%PDF-\r\n--c--") + end, parameter("metadata", `{"a":"b"}`) + file + end,
		file + parameter("callback_url", "http://127.0.0.1/") + end, file + parameter("password", "\xff") + end, "preamble\r\n" + file + end + "epilogue", strings.ReplaceAll(file+end, "\r\n", "\n"),
	} {
		f.Add(contentType, []byte(body), uint16(1000))
		f.Add(contentType, []byte(body), uint16(12))
	}
	for _, other := range []string{"", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\x00\"", "multipart/mixed; boundary=b"} {
		f.Add(other, []byte(file+end), uint16(1000))
	}
	const namespace, id = "khocr-acme", "0123456789ab"
	key := storage.UploadKey(namespace, id)
	s := &Server{Store: gatewaytest.OpenStore(f, f.TempDir()), Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, maxFile uint16) {
		request := httptest.NewRequest(http.MethodPost, "/api/v1/convert", bytes.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		taken, err := s.receive(request, namespace, id, int64(maxFile))
		if err != nil {
			var problem *problemError
			if !errors.As(err, &problem) || problem.Status < 400 || problem.Status > 499 {
				t.Fatalf("the sender is told of %v", err)
			}
			if there, err := s.Store.Exists(t.Context(), key); err != nil || there {
				t.Fatalf("a file stays in the store (%v) after %v", err, problem)
			}
			return
		}
		defer func() { _ = s.Store.Delete(t.Context(), key) }()
		content, err := s.Store.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		stored, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if want := fileOf(t, contentType, body); !bytes.Equal(stored, want) {
			t.Fatalf("stored are %q, sent were %q", stored, want)
		}
		upload, digest := taken.spec.Source.Upload, sha256.Sum256(stored)
		if upload.ID != id || upload.Size != int64(len(stored)) || upload.Size > int64(maxFile) || upload.SHA256 != hex.EncodeToString(digest[:]) || upload.MediaType == "" {
			t.Errorf("upload %+v of %d bytes, of at most %d", upload, len(stored), maxFile)
		}
		if _, err := pagerange.Parse(taken.spec.Pages, 10); err != nil {
			t.Errorf("a worker cannot read the pages: %v", err)
		}
	})
}

// fileOf finds the one file of a form.
func fileOf(t *testing.T, contentType string, body []byte) []byte {
	t.Helper()
	boundary, err := boundaryOf(contentType)
	if err != nil {
		t.Fatal(err)
	}
	var found []byte
	files := 0
	for parts := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("a form that was taken is broken: %v", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.FormName() == "file" {
			found = content
			files++
		}
	}
	if files != 1 {
		t.Fatalf("a form of %d files was taken", files)
	}
	return found
}

// FuzzParsePages holds the two readers of pages together: what the gateway takes, a worker reads as the same pages.
func FuzzParsePages(f *testing.F) {
	for _, value := range []string{"1", "1-3,7", " 7 , 1-3 ", "3-1", "1,,2", "999999", "1000000", "0", "01", "+1", "១", "1-2-3", "", strings.Repeat("1,3,5,", 300) + "9"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		list, err := parsePages(value)
		if err != nil {
			return
		}
		if len(list) > maxPages || list == "" {
			t.Fatalf("%q became %q", value, list)
		}
		if again, err := parsePages(list); err != nil || again != list {
			t.Errorf("%q became %q, and that %q (%v)", value, list, again, err)
		}
		const last = 999_999
		read, err := pagerange.Parse(list, last)
		if err != nil {
			t.Fatalf("a worker cannot read %q: %v", list, err)
		}
		for item := range strings.SplitSeq(value, ",") {
			low, high, isRange := strings.Cut(strings.TrimSpace(item), "-")
			if !isRange {
				high = low
			}
			for _, end := range []string{low, high} {
				if page, err := strconv.Atoi(end); err != nil || !read.Has(page) {
					t.Errorf("page %s of %q is not in %v (%v)", end, value, read, err)
				}
			}
		}
	})
}
