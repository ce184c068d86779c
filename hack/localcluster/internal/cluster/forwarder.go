package cluster

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/openplp/khocr/hack/localcluster/internal/forward"
)

const forwarderName = "forwarder"

// ForwarderVerb is the hidden verb of this program that serves forwards. Its
// arguments are LISTEN=TARGET pairs, each with a listener inherited from
// descriptor 3 on.
const ForwarderVerb = "forward"

// forwarder is the process that carries connections into the cluster. It does
// so for the API server's restarts and for those of all the others: its
// listeners stay open as long as it runs.
func (c *Cluster) forwarder() component {
	args := []string{c.self, ForwarderVerb}
	for _, f := range c.forwards() {
		args = append(args, f.Listen+"="+net.JoinHostPort(NodeIP, strconv.Itoa(f.Port)))
	}
	return component{
		name:      forwarderName,
		args:      args,
		listeners: c.openForwards,
		ready: func(ctx context.Context) error {
			var dialer net.Dialer
			for _, f := range c.forwards() {
				conn, err := dialer.DialContext(ctx, "tcp", f.Address)
				if err != nil {
					return fmt.Errorf("trying the forward at %s: %w", f.Address, err)
				}
				conn.Close()
			}
			return nil
		},
	}
}

func (c *Cluster) forwards() []*forward.Forward {
	all := []*forward.Forward{&c.settings.API}
	for i := range c.settings.Forwards {
		all = append(all, &c.settings.Forwards[i])
	}
	return all
}

// openForwards listens on the host and notes the addresses.
func (c *Cluster) openForwards() (listeners []*net.TCPListener, err error) {
	defer func() {
		if err != nil {
			for _, listener := range listeners {
				listener.Close()
			}
			listeners = nil
		}
	}()
	for _, f := range c.forwards() {
		listener, err := f.Open()
		if err != nil {
			return listeners, err
		}
		listeners = append(listeners, listener)
	}
	return listeners, c.saveSettings()
}

func (c *Cluster) saveSettings() error {
	if err := writeJSON(c.state.settingsFile(), c.settings); err != nil {
		return err
	}
	return writeJSON(c.state.forwardsFile(), c.settings.Forwards)
}

// mergeForwards keeps the addresses of those forwards that were there before.
func mergeForwards(wanted, before []forward.Forward) []forward.Forward {
	merged := slices.Clone(wanted)
	for i, f := range merged {
		same := func(old forward.Forward) bool { return old.Listen == f.Listen && old.Port == f.Port }
		if at := slices.IndexFunc(before, same); at >= 0 {
			merged[i].Address = before[at].Address
		}
	}
	return merged
}
