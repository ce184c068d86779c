package main

import (
	"flag"
	"fmt"
	"net/netip"
)

// options are the command line.
type options struct {
	listen, healthListen, metricsListen string
	tlsDir, keysDir                     string
	gatewayAccount                      string
	allow                               []netip.Prefix
	namespace                           string
}

func parseFlags(flags *flag.FlagSet, arguments []string) options {
	var o options
	flags.StringVar(&o.listen, "listen", ":8443", "address of the port for the gateway, over TLS")
	flags.StringVar(&o.healthListen, "health-listen", ":8081", "address of /livez and /readyz")
	flags.StringVar(&o.metricsListen, "metrics-listen", ":8444", "address of the metrics, served over TLS to those whom the API server lets; 0 for none")
	flags.StringVar(&o.tlsDir, "tls-dir", "/etc/khocr/tls", "folder with tls.crt and tls.key of both, which are served once they are there; they may change at any time")
	flags.StringVar(&o.keysDir, "keys-dir", "/etc/khocr/keys", "folder with a file for each key of an endpoint, named as a model's apiKeyName; they may come, change and go at any time")
	flags.StringVar(&o.gatewayAccount, "gateway-account", "system:serviceaccount:khocr-system:khocr-gateway", "user name of the service account that may ask")
	flags.Func("allow", "address range in CIDR notation where endpoints may be, in the cluster or outside, although they could not by their location: "+
		"loopback, private ranges for external ones, public ranges of your own for those in the cluster (repeatable). "+
		"It does not open the API server, the control plane's ports or clouds' metadata", func(text string) error {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("parse an address range: %w", err)
		}
		o.allow = append(o.allow, prefix)
		return nil
	})
	flags.StringVar(&o.namespace, "namespace", "khocr-system", "namespace of the Lease of the relay that looks at endpoints")
	// The command line's flag set exits on errors by itself.
	_ = flags.Parse(arguments)
	return o
}
