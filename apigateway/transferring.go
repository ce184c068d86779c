package apigateway

import (
	"errors"

	"github.com/openplp/khocr/apigateway/transfers"
)

// An upload holds some 200 KB of memory while it comes in, and the download of a result one page of it.
const (
	// transfersEach is how many uploads, and how many downloads, an organization may have under way.
	transfersEach = 100
	// transfersAll is how many a gateway may have.
	transfersAll = 500
)

// begin counts a transfer of the caller's organization in until end is called.
func (by *caller) begin(bound *transfers.Bound) (end func(), err error) {
	end, err = bound.Begin(by.organization.Name)
	switch {
	case errors.Is(err, transfers.ErrOwner):
		problem := tooManyTransfers.because(err)
		problem.retryAfter = defaultRetry
		return nil, problem
	case err != nil:
		return nil, serviceUnavailable.because(err)
	}
	return end, nil
}
