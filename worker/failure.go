package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/openplp/khocr/internal/workerport"
)

// Words for events, of ends that another attempt may put right.
const (
	reasonMisconfigured     = "Misconfigured"
	reasonRefused           = "Refused"
	reasonEngineUnavailable = "EngineUnavailable"
	reasonStatusDenied      = "StatusDenied"
	reasonTerminated        = "Terminated"
	reasonJobEnded          = "JobEnded"
	reasonWorkDirectory     = "WorkDirectory"
)

// failure is an end of the worker before its work was done.
type failure struct {
	// exitCode is ExitTemporary or ExitBadDocument.
	exitCode int
	// termination is what the manager reads, and may show to people: no address, path or stack trace.
	termination workerport.Termination
	// cause is for the log; nil where the termination says it all.
	cause error
}

func (f *failure) Error() string {
	if f.cause == nil {
		return f.termination.Reason + ": " + f.termination.Message
	}
	return fmt.Sprintf("%s: %s: %v", f.termination.Reason, f.termination.Message, f.cause)
}

func (f *failure) Unwrap() error { return f.cause }

// badDocument says that no attempt can process the document. Reason is one of the Reason constants of an OcrJob.
func badDocument(reason, message string) *failure {
	return &failure{
		exitCode:    workerport.ExitBadDocument,
		termination: workerport.Termination{Reason: reason, Message: message},
	}
}

// temporary says that this attempt cannot go on.
func temporary(reason, message string, cause error) *failure {
	return &failure{
		exitCode:    workerport.ExitTemporary,
		termination: workerport.Termination{Reason: reason, Message: message},
		cause:       cause,
	}
}

// asFailure finds the failure in err. An error that carries none comes from before the work began, when the pod's
// environment is read.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return temporary(reasonMisconfigured, "The pod is not set up as a worker needs it.", err)
}

// maxTerminationMessage in bytes. The kubelet cuts the file at 4096, which would leave broken JSON; one byte takes up to
// six when it is encoded.
const maxTerminationMessage = 600

// writeTermination leaves the termination in the file that the kubelet reads.
func writeTermination(path string, termination workerport.Termination) error {
	if len(termination.Message) > maxTerminationMessage {
		// A rune that the cut halves becomes U+FFFD when it is encoded.
		termination.Message = termination.Message[:maxTerminationMessage]
	}
	content, err := json.Marshal(termination)
	if err != nil {
		return fmt.Errorf("encode termination: %w", err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write termination: %w", err)
	}
	return nil
}
