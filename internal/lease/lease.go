// Package lease holds the Leases by which one gateway sweeps and one relay looks at endpoints, and says for how long these, and that of
// the manager which leads, are held.
package lease

import "time"

// The times of a Lease, as package leaderelection has them. Who waits for one sees the last renewal up to 2.2 s late, and
// looks again up to 2.2 s after it has run out: whoever was killed is followed within Longest. The usual 15, 10 and 2
// seconds make that 24. A holder bears an API server that is away for RenewDeadline, as it does by the usual times: one
// that has lost its Lease ends, and the kubelet lets programs that end often wait for minutes.
const (
	Duration      = 12 * time.Second
	RenewDeadline = 10 * time.Second
	RetryPeriod   = time.Second

	// Longest is the time after which a holder that was killed is followed at the latest, if the API server answers.
	Longest = Duration + 2*looks
	// looks is the longest time between two looks at a Lease: leaderelection adds up to 1.2 of the period by chance.
	looks = RetryPeriod * 22 / 10
)
