package main

import (
	"flag"
	"fmt"
	"net/netip"
)

// options are the command line.
type options struct {
	listen, internalListen, healthListen string
	tlsDir                               string
	store                                string
	fetchAllow                           []netip.Prefix
}

func parseFlags(flags *flag.FlagSet, arguments []string) options {
	var o options
	flags.StringVar(&o.listen, "listen", ":8080", "address of the public API")
	flags.StringVar(&o.internalListen, "internal-listen", ":8443", "address of the port for worker pods, over TLS")
	flags.StringVar(&o.healthListen, "health-listen", ":8081", "address of /livez and /readyz")
	flags.StringVar(&o.tlsDir, "tls-dir", "/etc/khocr/tls", "folder with tls.crt and tls.key of the internal port; it is served once they are there")
	flags.StringVar(&o.store, "store", "file:///var/lib/khocr", "URL of the blob store")
	flags.Func("fetch-allow", "address range in CIDR notation that documents may be fetched from although it is private (repeatable)", func(text string) error {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("parse an address range: %w", err)
		}
		o.fetchAllow = append(o.fetchAllow, prefix)
		return nil
	})
	// The command line's flag set exits on errors by itself.
	_ = flags.Parse(arguments)
	return o
}
