package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// silence is how long a stream of events may be without a word: three of the comments that come every fifteen seconds.
const silence = 45 * time.Second

var errSilent = errors.New("nothing came for a while")

// Watch follows a job to its end and returns it then. Tell, if not nil, is told each state on the way. A stream that breaks
// off is taken up again where it was, as long as patience lasts.
func (c *Client) Watch(ctx context.Context, id string, patience Patience, tell func(*Job)) (*Job, error) {
	var lastEvent string
	var ended *Job
	err := patience.Insist(ctx, func() error {
		return c.stream(ctx, id, lastEvent, func(event, eventID string, job *Job) {
			patience.Renew()
			lastEvent = eventID
			if event == "end" {
				ended = job
			}
			if tell != nil {
				tell(job)
			}
		})
	})
	return ended, err
}

// stream reads events until that of the end. Anything else that ends it is an error.
func (c *Client) stream(ctx context.Context, id, lastEvent string, take func(event, eventID string, job *Job)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watchdog := time.AfterFunc(silence, func() { stop(errSilent) })
	defer watchdog.Stop()
	params := new(StreamJobParams)
	if lastEvent != "" {
		params.LastEventID = &lastEvent
	}
	response, err := c.StreamJob(ctx, id, params)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return problemOf(response)
	}
	var event, eventID string
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		watchdog.Reset(silence)
		// Events of khocr have their data in one line, and that last.
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			eventID = value
		case "event":
			event = value
		case "data":
			job := new(Job)
			if err := json.Unmarshal([]byte(value), job); err != nil {
				return fmt.Errorf("decode an event: %w", err)
			}
			take(event, eventID, job)
			if event == "end" {
				return nil
			}
		}
	}
	if err := lines.Err(); err != nil {
		return &BrokenError{err}
	}
	return &BrokenError{errors.New("the stream ended before the job")}
}
