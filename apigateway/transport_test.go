package apigateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/apigateway/gatewaytest"
)

func keyOf(name string) client.ObjectKey { return keyIn("", name) }

func keyIn(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}

// testTransport is about what goes over the wire: uploads that are cut off, and refusals of bodies that are still coming.
func testTransport(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "wire", nil)
	a := serve(t, g, nil)
	folder := filepath.Join(g.Folder, "khocr-wire")
	address := strings.TrimPrefix(a.url, "http://")

	t.Run("an upload that is cut off leaves nothing", func(t *testing.T) {
		contentType, body := form(t, pdf("cut.pdf", 500_000))
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "POST /api/v1/convert HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			key, contentType, body.Len())
		if _, err := connection.Write(body.Bytes()[:300_000]); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "the upload has begun to be stored", func() bool { return len(gatewaytest.Files(t, folder)) > 0 })
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "nothing of it is left", func() bool { return len(gatewaytest.Files(t, folder)) == 0 })
		if jobs := g.Jobs(t, "khocr-wire"); len(jobs) != 0 {
			t.Errorf("%d jobs were made", len(jobs))
		}
	})

	// These clients, like most, read no answer before they have sent everything.
	t.Run("a file that is too large is refused so that its sender reads why", func(t *testing.T) {
		contentType, body := form(t, pdf("large.pdf", 30<<20))
		for name, reader := range map[string]io.Reader{
			"told by its length":  bytes.NewReader(body.Bytes()),
			"found out on the go": io.MultiReader(bytes.NewReader(body.Bytes())), // sent in chunks
		} {
			request := a.request(t, http.MethodPost, "/api/v1/convert", key, reader)
			request.Header.Set("Content-Type", contentType)
			status := rawExchange(t, address, request)
			if !strings.Contains(status, " 400 ") {
				t.Errorf("%s: %s", name, status)
			}
		}
	})

	t.Run("a sender that waits for the word to go on is not given it", func(t *testing.T) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "POST /api/v1/convert HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: multipart/form-data; boundary=b\r\n"+
			"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", key)
		answer, err := io.ReadAll(connection)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || !bytes.Contains(answer, []byte("file_too_large")) {
			t.Errorf("answer %q", answer)
		}
	})

	if files := gatewaytest.Files(t, folder); len(files) != 0 {
		t.Errorf("the store keeps %v", files)
	}

	t.Run("an organization has so many uploads under way and no more", func(t *testing.T) {
		crowded := g.Organization(t, "uploading", nil)
		contentType, body := form(t, pdf("long.pdf", 100_000))
		var uploads []net.Conn
		for range transfersEach {
			connection, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			fmt.Fprintf(connection, "POST /api/v1/convert HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
				crowded, contentType, body.Len())
			if _, err := connection.Write(body.Bytes()[:5_000]); err != nil {
				t.Fatal(err)
			}
			uploads = append(uploads, connection)
		}
		gatewaytest.Eventually(t, "all have begun", func() bool {
			return len(gatewaytest.Files(t, filepath.Join(g.Folder, "khocr-uploading"))) == transfersEach
		})
		got := a.convert(t, crowded, pdf("a.pdf", 99))
		got.wantProblem(t, 429, "too_many_transfers")
		if got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if got := a.convert(t, key, pdf("a.pdf", 99)); got.StatusCode != http.StatusAccepted {
			t.Errorf("another organization is answered %d", got.StatusCode)
		}
		_ = uploads[0].Close()
		gatewaytest.Eventually(t, "one that ends makes room", func() bool {
			return a.convert(t, crowded, pdf("a.pdf", 99)).StatusCode == http.StatusAccepted
		})
	})
}

// rawExchange writes a whole request before it reads the answer, and returns the answer's first line.
func rawExchange(t *testing.T, address string, request *http.Request) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := request.Write(connection); err != nil {
		t.Fatalf("the server hung up on the sender: %v", err)
	}
	line := make([]byte, 64)
	n, err := io.ReadAtLeast(connection, line, 16)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	first, _, _ := strings.Cut(string(line[:n]), "\r\n")
	return first
}
