package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/serving"
)

// heartbeat is how often an event stream says that it is alive, sooner than proxies give a silent connection up.
const heartbeat = 15 * time.Second

// events tells how a job stands as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), from
// the present state to the end of the job.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, queryToken); err != nil {
		return err
	}
	watch, err := s.watch(r)
	if err != nil {
		return err
	}
	defer watch.close()
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	if by := callerOf(r.Context()); by.job != "" && by.job != job.UID {
		return invalidEventToken.because(nil) // it was for an earlier job of that name
	}
	told := parseEventID(r.Header.Get("Last-Event-ID"))
	w.Header().Set("Cache-Control", "no-store, no-transform")
	if told.ended == job.UID && job.UID != "" {
		// An EventSource comes back for ever unless it is told that there is nothing more.
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	// nginx would hold events back until its buffer is full.
	header.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	stream := &eventStream{w: w}
	stream.write("retry: 3000\n\n")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if jobview.Ended(job.OcrJob) {
			stream.send("end", eventID{ended: job.UID}, s.view(r.Context(), job))
			return nil
		}
		// A gateway may be behind the one that the caller comes from.
		if version := versionOf(job.OcrJob); version > told.version {
			told = eventID{version: version}
			stream.send("progress", told, s.view(r.Context(), job))
		}
		news, err := watch.next(r.Context(), beat.C)
		switch {
		case err == nil && news == alarmed:
			stream.comment()
		case err == nil && news == changed:
			job, err = s.findJob(r)
		}
		if err != nil || news == over || stream.err != nil {
			return s.endOfStream(r, err)
		}
	}
}

// endOfStream leaves to the log why a stream ended that the caller has read part of. Coming back, he is told himself.
func (s *Server) endOfStream(r *http.Request, cause error) error {
	if cause != nil {
		serving.RequestFrom(r.Context()).Code = s.problemOf(r.Context(), cause).Code
	}
	return nil
}

// eventID is what a caller was told last: a state of a job that had not ended, or the end.
type eventID struct {
	// version of the OcrJob. The API server gives each change a higher one.
	version uint64
	// ended is the UID of the job whose end was told.
	ended types.UID
}

const endPrefix = "end-"

func (e eventID) String() string {
	if e.ended != "" {
		return endPrefix + string(e.ended)
	}
	return strconv.FormatUint(e.version, 10)
}

// parseEventID reads back what String wrote. Anything else is as if nothing was told.
func parseEventID(text string) eventID {
	if uid, isEnd := strings.CutPrefix(text, endPrefix); isEnd {
		return eventID{ended: types.UID(uid)}
	}
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return eventID{}
	}
	return eventID{version: version}
}

func versionOf(job *v1alpha1.OcrJob) uint64 {
	return parseEventID(job.ResourceVersion).version
}

// eventStream writes events, and remembers that one could not be written.
type eventStream struct {
	w   http.ResponseWriter
	err error
}

func (e *eventStream) send(event string, id eventID, view *jobview.View) {
	data, err := json.Marshal(view)
	if err != nil {
		panic(fmt.Errorf("encode an event: %w", err)) // our own types encode
	}
	e.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, event, data))
}

func (e *eventStream) comment() { e.write(":\n\n") }

func (e *eventStream) write(text string) {
	_, err := e.w.Write([]byte(text))
	e.err = errors.Join(e.err, err, http.NewResponseController(e.w).Flush())
}
