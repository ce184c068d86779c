package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/batch"
)

// Exit statuses besides 0. docs/cli.md promises them.
const (
	exitFailed      = 1   // what was asked for could not be done, or not all of it
	exitMisuse      = 2   // what was asked for is not understood
	exitKey         = 3   // the key is missing, refused, or may not do this
	exitQuota       = 4   // the pages of the month are used up
	exitUnreachable = 5   // the platform cannot be reached
	exitInterrupted = 130 // by Ctrl-C or SIGTERM
)

// fault is an error that is said already.
type fault struct {
	status int
	said   said
}

func (f *fault) Error() string { return string(f.said) }

func (p *program) fault(status int, what text, values ...any) error {
	return &fault{status, what.in(p.language, values...)}
}

// explain says what happened and what to do, and with which status to end.
func (p *program) explain(err error) (status int, message said) {
	l := p.language
	var (
		own        = new(fault)
		problem    = new(client.ProblemError)
		unexpected = new(client.UnexpectedError)
		untrusted  = new(tls.CertificateVerificationError)
		request    = new(url.Error)
		tooLarge   = new(batch.TooLargeError)
		occupied   = new(batch.OccupiedError)
		failed     = new(batch.JobError)
	)
	switch {
	case errors.As(err, &own):
		return own.status, own.said
	case errors.As(err, &problem):
		return p.explainProblem(problem)
	case errors.As(err, &tooLarge):
		return exitFailed, sayTooLarge.in(l, bytesOf(tooLarge.Size), bytesOf(tooLarge.Limit))
	case errors.As(err, &occupied):
		return exitFailed, sayOccupied.in(l, occupied.Path)
	case errors.As(err, &failed):
		status := exitFailed
		if batch.IsQuota(err) {
			status = exitQuota
		}
		if failed.Job.Error == nil {
			return status, sayJobCancel.in(l, failed.Job.Id)
		}
		reason := failed.Job.Error.Message
		if l == khmer {
			reason = failed.Job.Error.MessageKm
		}
		what, known := remedies[failed.Job.Error.Code]
		if !known {
			what = sayTryAgain
		}
		return status, sayJobFailed.in(l, failed.Job.Id, reason, what.in(l))
	case batch.IsQuota(err):
		return exitQuota, sayQuota.in(l)
	case errors.Is(err, context.Canceled):
		return exitInterrupted, sayInterrupted.in(l)
	case errors.As(err, &untrusted):
		return exitUnreachable, sayNotTrusted.in(l, untrusted.Err)
	case errors.As(err, &unexpected):
		return exitUnreachable, sayNotKhocr.in(l, unexpected.Status)
	case client.Temporary(err):
		if errors.As(err, &request) {
			err = request.Err // the address is known, and long
		}
		return exitUnreachable, sayUnreachable.in(l, err)
	}
	return exitFailed, said(printable(err.Error()))
}

// explainProblem says what the platform says, and what to do beyond that.
func (p *program) explainProblem(problem *client.ProblemError) (status int, message said) {
	message = said(printable(problem.Detail))
	if p.language == khmer && problem.DetailKm != "" {
		message = said(printable(problem.DetailKm))
	}
	message += sayRequest.in(p.language, problem.RequestId)
	if what, known := advice[problem.Code]; known {
		message += "\n" + what.in(p.language)
	}
	switch {
	case problem.Code == client.ProblemCodePageQuotaExceeded:
		return exitQuota, message
	case problem.Status == 401 || problem.Status == 403:
		return exitKey, message
	case client.Temporary(problem):
		return exitUnreachable, message
	}
	return exitFailed, message
}
