package main

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/openplp/khocr/apigateway/ratelimit"
)

// options are the command line.
type options struct {
	listen, internalListen, healthListen, metricsListen string
	tlsDir, publicTLSDir, keyFile                       string
	store                                               string
	fetchAllow, webhookAllow                            []netip.Prefix
	rateLimitRedis                                      string
	namespace                                           string
	corsOrigins                                         []string
	relayURL, relayTokenFile, relayCAFile               string
	currency                                            string
}

// redisVariable is the environment's way to say where Redis is, for addresses with a password: everybody on the machine
// sees a command line.
const redisVariable = "KHOCR_RATE_LIMIT_REDIS"

// authoritiesVariable is the environment's way to tell AWS's programs, of whose library the driver for S3 is made, which
// authorities sign the store's certificate.
const authoritiesVariable = "AWS_CA_BUNDLE"

// defaultStore is where the Deployment mounts its volume.
const defaultStore = "file:///var/lib/khocr"

func parseFlags(flags *flag.FlagSet, arguments []string) options {
	var o options
	flags.StringVar(&o.listen, "listen", ":8080", "address of the public API")
	flags.StringVar(&o.internalListen, "internal-listen", ":8443", "address of the port for worker pods, over TLS")
	flags.StringVar(&o.healthListen, "health-listen", ":8081", "address of /livez and /readyz")
	flags.StringVar(&o.metricsListen, "metrics-listen", ":8444", "address of the metrics, served over TLS to those whom the API server lets; 0 for none")
	flags.StringVar(&o.tlsDir, "tls-dir", "/etc/khocr/tls", "folder with tls.crt and tls.key of the internal port and of the metrics, which are served once they are there")
	flags.StringVar(&o.publicTLSDir, "public-tls-dir", "", "folder with tls.crt and tls.key of the public API, which is then served over TLS, once they are there; they may change at any time")
	flags.StringVar(&o.keyFile, "key-file", "/etc/khocr/key/key", "file with the platform's key, of at least 32 bytes; both ports are served once it is there")
	flags.StringVar(&o.store, "store", defaultStore, "URL of the blob store: file:///FOLDER, or s3://BUCKET, which any number of gateways may share, with credentials from the environment as for AWS's programs")
	flags.Func("fetch-allow", "address range in CIDR notation that documents may be fetched from although it is private (repeatable)", addRange(&o.fetchAllow))
	flags.Func("webhook-allow", "address range in CIDR notation that webhooks may be sent to although it is private (repeatable)", addRange(&o.webhookAllow))
	flags.StringVar(&o.rateLimitRedis, "rate-limit-redis", "", "URL (redis://, rediss:// or unix://) of the Redis in which gateways share their rate limits; "+
		"with a password it comes from the environment, as "+redisVariable+". Without it each gateway has its own")
	flags.Func("cors-origin", "origin, such as https://app.example.org, whose pages may use the API in a browser, or * for any (repeatable)", func(text string) error {
		o.corsOrigins = append(o.corsOrigins, text)
		return checkOrigin(text)
	})
	flags.StringVar(&o.namespace, "namespace", "khocr-system", "namespace of the gateways, which are counted there when they share their rate limits, and of the Lease of the one that sweeps")
	flags.StringVar(&o.relayURL, "relay-url", "", "https address of the relay that asks AI models. Without it their pages are read without them")
	flags.StringVar(&o.relayTokenFile, "relay-token-file", "/var/run/secrets/khocr-relay/token", "file with the gateway's token for the relay; it may change at any time")
	flags.StringVar(&o.relayCAFile, "relay-ca-file", "/etc/khocr/tls/ca.crt", "file with the certificates that the relay's is signed by; it may change at any time")
	flags.StringVar(&o.currency, "currency", "USD", "what prices of models and limits of costs are in, as a code of ISO 4217")
	// The command line's flag set exits on errors by itself.
	_ = flags.Parse(arguments)
	return o
}

// addRange makes a flag's value that adds to ranges.
func addRange(ranges *[]netip.Prefix) func(string) error {
	return func(text string) error {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("parse an address range: %w", err)
		}
		*ranges = append(*ranges, prefix)
		return nil
	}
}

// redisAddress is the URL of Redis, empty for none. No error repeats it.
func (o options) redisAddress(environment string) (string, error) {
	if o.rateLimitRedis == "" {
		// A Secret that was made from a file may end in a newline.
		return strings.TrimSpace(environment), nil
	}
	if ratelimit.HasPassword(o.rateLimitRedis) {
		return "", errors.New("--rate-limit-redis is no URL, or one with a password: put that into the environment as " + redisVariable)
	}
	return o.rateLimitRedis, nil
}

// checkOrigin refuses what no browser sends as its origin, so that a slip does not look like a working setting.
func checkOrigin(text string) error {
	if text == "*" {
		return nil
	}
	origin, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("parse an origin: %w", err)
	}
	if origin.Scheme == "" || origin.Host == "" || origin.Scheme+"://"+origin.Host != text || strings.Contains(text, "*") {
		return errors.New("an origin is a scheme, a host and, if it is not the usual one, a port, such as https://app.example.org")
	}
	return nil
}
