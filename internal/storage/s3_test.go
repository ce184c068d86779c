package storage

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/openplp/khocr/internal/testenv"
)

// TestAStoreInS3 holds the store to what it promises with a real S3 server behind it.
func TestAStoreInS3(t *testing.T) {
	server := testenv.StartS3(t)
	store, err := Open(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := &inS3{server, store}
	for name, test := range map[string]func(*inS3, *testing.T){
		"what was put is read back":                         (*inS3).readsBack,
		"of many writers exactly one succeeds":              (*inS3).writesOnce,
		"a put that fails leaves nothing":                   (*inS3).leavesNothing,
		"an upload on its way takes no memory":              (*inS3).takesNoMemory,
		"lists, replaces and deletes":                       (*inS3).lists,
		"a searchable PDF is read from any place":           (*inS3).seeks,
		"a signed URL is good for reading one key, a while": (*inS3).signs,
	} {
		t.Run(name, func(t *testing.T) { test(s, t) })
	}
	// The last: it takes the server away.
	t.Run("a server that is away makes the store unavailable until it is back", s.goesAway)
}

type inS3 struct {
	server *testenv.S3
	*Store
}

// once hides that a reader can be read again.
type once struct{ io.Reader }

func (s *inS3) readsBack(t *testing.T) {
	// Both sides of the size beyond which S3's clients cut content into parts.
	for name, size := range map[string]int{"empty": 0, "small": 4000, "large": 40 << 20} {
		content := bytes.Repeat([]byte("ខ"), size/3+1)[:size]
		for kind, reader := range map[string]io.Reader{"stream": once{bytes.NewReader(content)}, "memory": bytes.NewReader(content)} {
			key := path.Join("khocr-a/uploads", name+"-"+kind)
			if written, err := s.Put(t.Context(), key, reader); err != nil || written != int64(size) {
				t.Fatalf("%s: Put = %d, %v", key, written, err)
			}
			stored, err := s.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(stored)
			if err != nil || !bytes.Equal(got, content) || stored.Size != int64(size) {
				t.Errorf("%s: %d bytes of %d are read back, Size %d, %v", key, len(got), size, stored.Size, err)
			}
			_ = stored.Close()
		}
	}
	if _, err := s.Get(t.Context(), "khocr-a/uploads/none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of nothing: %v", err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func (s *inS3) writesOnce(t *testing.T) {
	const writers = 16
	for round := range 4 {
		key := fmt.Sprintf("khocr-a/jobs/u/pages/%06d.json", round+1)
		var all sync.WaitGroup
		var winner atomic.Int32
		for i := range writers {
			all.Go(func() {
				_, err := s.Put(t.Context(), key, strings.NewReader(strconv.Itoa(i)))
				switch {
				case err == nil && !winner.CompareAndSwap(0, int32(i+1)):
					t.Error("two writers have succeeded")
				case err != nil && !errors.Is(err, ErrExists) && !errors.Is(err, ErrUnavailable):
					t.Errorf("Put: %v", err)
				}
			})
		}
		all.Wait()
		if got, want := contentOf(t, s.Store, key), strconv.Itoa(int(winner.Load())-1); got != want {
			t.Errorf("what stands is that of writer %s, want %s", got, want)
		}
		if _, err := s.Put(t.Context(), key, strings.NewReader("late")); !errors.Is(err, ErrExists) {
			t.Errorf("another Put: %v", err)
		}
	}
}

func (s *inS3) leavesNothing(t *testing.T) {
	broken := errors.New("broken off")
	t.Setenv("TMPDIR", t.TempDir())
	_, err := s.Put(t.Context(), "khocr-b/uploads/a", io.MultiReader(strings.NewReader(strings.Repeat("x", 20<<20)), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || errors.Is(err, ErrUnavailable) {
		t.Errorf("Put of a reader that fails: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Put(ended, "khocr-b/uploads/b", once{strings.NewReader("x")}); err == nil {
		t.Error("Put for nobody succeeds")
	}
	s.objects.waiting.add("others", mostWaiting)
	if _, err := s.Put(t.Context(), "khocr-b/uploads/d", once{strings.NewReader("x")}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Put while others take all the room: %v", err)
	}
	s.objects.waiting.add("others", -mostWaiting)
	if got := &s.objects.waiting; got.total != 0 || len(got.of) != 0 {
		t.Errorf("%d bytes seem to wait on disk, of %v", got.total, got.of)
	}
	t.Setenv("TMPDIR", "/nowhere")
	if _, err := s.Put(t.Context(), "khocr-b/uploads/c", once{strings.NewReader("x")}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Put without room for the content: %v", err)
	}
	for listed, err := range s.List(t.Context(), "khocr-b/") {
		t.Errorf("it has left %v (%v)", listed, err)
	}
}

func (s *inS3) takesNoMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const uploads, each = 20, 16 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	half, finish := make(chan struct{}, uploads), make(chan struct{})
	var all sync.WaitGroup
	for i := range uploads {
		all.Go(func() {
			pause := readerFunc(func([]byte) (int, error) {
				half <- struct{}{}
				<-finish
				return 0, io.EOF
			})
			content := io.MultiReader(io.LimitReader(endless{}, each), pause)
			if _, err := s.Put(t.Context(), fmt.Sprintf("khocr-c/uploads/%d", i), content); err != nil {
				t.Error(err)
			}
		})
	}
	for range uploads {
		<-half
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	close(finish)
	all.Wait()
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > uploads*(1<<20) {
		t.Errorf("%d uploads that have sent %d MiB each hold %d MiB of memory", uploads, each>>20, held>>20)
	}
	entries, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(entries) > 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func (s *inS3) lists(t *testing.T) {
	for number := range 3 {
		if _, err := s.Put(t.Context(), PageKey("khocr-d", "uid", number+1), strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
	}
	numbers, err := s.PageNumbers(t.Context(), "khocr-d", "uid")
	if err != nil || fmt.Sprint(numbers) != "[1 2 3]" {
		t.Errorf("PageNumbers = %v, %v", numbers, err)
	}
	var folders []string
	for folder, err := range s.Folders(t.Context(), "khocr-d/") {
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	if fmt.Sprint(folders) != "[jobs]" {
		t.Errorf("Folders = %v", folders)
	}
	for _, content := range []string{"old", "new"} {
		if err := s.Replace(t.Context(), KeyUseKey("khocr-d"), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if got := contentOf(t, s.Store, KeyUseKey("khocr-d")); got != "new" {
		t.Errorf("it was replaced by %q", got)
	}
	if _, err := s.Copy(t.Context(), PageKey("khocr-d", "uid", 1), "khocr-d/uploads/copy"); err != nil {
		t.Error(err)
	}
	if deleted, err := s.DeleteAll(t.Context(), "khocr-d/"); deleted != 5 || err != nil {
		t.Errorf("DeleteAll = %d, %v", deleted, err)
	}
	if err := s.Delete(t.Context(), "khocr-d/uploads/copy"); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	if _, err := s.Put(t.Context(), "khocr-d/uploads/copy", strings.NewReader("again")); err != nil {
		t.Errorf("Put of what was deleted: %v", err)
	}
}

func (s *inS3) seeks(t *testing.T) {
	for key, content := range map[string]string{"khocr-e/uploads/d": "document", AppendixKey("khocr-e", "uid"): "appendix"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	pdf, err := s.Searchable(t.Context(), "khocr-e", "uid", "khocr-e/uploads/d")
	if err != nil {
		t.Fatal(err)
	}
	defer pdf.Close()
	if _, err := pdf.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(pdf); string(got) != "mentappendix" || err != nil {
		t.Errorf("from the fifth byte on it reads %q, %v", got, err)
	}
}

func (s *inS3) signs(t *testing.T) {
	for _, key := range []string{"khocr-f/uploads/one", "khocr-f/uploads/two"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader(key)); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := s.SignedURL(t.Context(), "khocr-f/uploads/one")
	if err != nil {
		t.Fatal(err)
	}
	if got := signed.Query().Get("X-Amz-Expires"); got != strconv.Itoa(int(SignedLife.Seconds())) {
		t.Errorf("it is good for %s seconds", got)
	}
	other, all, unsigned, prolonged := *signed, *signed, *signed, *signed
	other.Path = strings.Replace(signed.Path, "one", "two", 1)
	all.Path = path.Dir(path.Dir(path.Dir(signed.Path)))
	unsigned.RawQuery = ""
	query := signed.Query()
	query.Set("X-Amz-Expires", "604800")
	prolonged.RawQuery = query.Encode()
	client := s.client(t)
	ask := func(method string, at url.URL) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, at.String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := ask(http.MethodGet, *signed); status != http.StatusOK || body != "khocr-f/uploads/one" {
		t.Errorf("the URL is answered %d %q", status, body)
	}
	for what, c := range map[string]struct {
		method string
		url    url.URL
	}{
		"another document":               {http.MethodGet, other},
		"the list of all":                {http.MethodGet, all},
		"the document without signature": {http.MethodGet, unsigned},
		"the document for longer":        {http.MethodGet, prolonged},
		"to write the document":          {http.MethodPut, *signed},
		"to delete the document":         {http.MethodDelete, *signed},
	} {
		if status, _ := ask(c.method, c.url); status != http.StatusForbidden && status != http.StatusBadRequest {
			t.Errorf("who asks for %s is answered %d", what, status)
		}
	}
	if got := contentOf(t, s.Store, "khocr-f/uploads/one"); got != "khocr-f/uploads/one" {
		t.Errorf("the document is %q now", got)
	}
}

func (s *inS3) client(t *testing.T) *http.Client {
	t.Helper()
	bundle, err := os.ReadFile(s.server.AuthorityFile)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(bundle)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}
}

func (s *inS3) goesAway(t *testing.T) {
	s.server.Kill()
	if _, err := s.Put(t.Context(), "khocr-g/uploads/a", strings.NewReader("x")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Put: %v", err)
	}
	if _, err := s.Get(t.Context(), "khocr-g/uploads/a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Check: %v", err)
	}
	s.server.Start(t)
	testenv.Await(t, "the store is back", func() bool { return s.Check(t.Context()) == nil })
	if _, err := s.Put(t.Context(), "khocr-g/uploads/a", strings.NewReader("x")); err != nil {
		t.Errorf("Put: %v", err)
	}
}

func TestNobodyTakesAllTheRoomOnDisk(t *testing.T) {
	const quarter = mostWaiting / 4
	var disk waiting
	if !disk.add("one", 2*quarter) {
		t.Error("half of it is not for one alone")
	}
	if disk.add("one", 1) {
		t.Error("one has more than half of it")
	}
	disk.add("one", -1)
	for _, other := range []string{"two", "three"} {
		if !disk.add(other, quarter) {
			t.Errorf("%s has no room", other)
		}
	}
	if disk.add("four", 1) {
		t.Error("there is room beyond all")
	}
	disk.add("four", -1)
	disk.add("two", -quarter)
	if !disk.add("four", 1) {
		t.Error("what was freed is no room")
	}
	if disk.add("three", 1) {
		t.Error("another one has more than a quarter of what is nearly full")
	}
}

func TestAServerThatOverwritesIsNoStore(t *testing.T) {
	careless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>`)
		}
	}))
	defer careless.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "khocr")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	store, err := Open(t.Context(), "s3://b?region=r&use_path_style=true&endpoint="+url.QueryEscape(careless.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for range 2 {
		if err := store.Check(t.Context()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "If-None-Match") {
			t.Errorf("Check: %v", err)
		}
	}
}

func TestAFileStoreDoesNotSign(t *testing.T) {
	if signed, err := openAt(t, t.TempDir()).SignedURL(t.Context(), "khocr-a/uploads/a"); signed != nil || err != nil {
		t.Errorf("SignedURL = %v, %v", signed, err)
	}
}

func TestAStoreDoesNotIgnoreWhatItIsTold(t *testing.T) {
	for _, address := range []string{"s3://b?region=r&ssetype=AES256", "s3://b?region=r&kmskeyid=k"} {
		if _, err := Open(t.Context(), address); err == nil {
			t.Errorf("%s is opened", address)
		}
	}
}
