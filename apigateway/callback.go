package apigateway

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/netguard"
)

// parseCallback checks the address of a callback as far as that can be done without asking anybody. Where a name leads to
// is looked at when the message is sent. No error repeats the address: its query may hold a secret.
func parseCallback(value string, guard netguard.Guard) (string, error) {
	refused := func(english, khmer string) error {
		return invalidCallback.detailed("callback_url %s.", english).khmer("callback_url %s។", khmer)
	}
	address, err := url.ParseRequestURI(value)
	if err == nil {
		address, err = url.Parse(value) // which finds the fragment
	}
	if err != nil || strings.ContainsFunc(value, unicode.IsSpace) {
		return "", refused("is no address", "មិនមែនជាអាសយដ្ឋានទេ")
	}
	host := address.Hostname()
	literal, notLiteral := netip.ParseAddr(host)
	switch {
	case address.Scheme != "http" && address.Scheme != "https":
		return "", refused("is neither http nor https", "មិនមែនជា http ឬ https ទេ")
	case host == "" || !validPort(address.Port()):
		return "", refused("has no host, or a port that is none", "គ្មានម៉ាស៊ីន ឬមានច្រកមិនត្រឹមត្រូវ")
	case address.User != nil:
		return "", refused("must not hold a user name or a password", "មិនត្រូវមានឈ្មោះអ្នកប្រើ ឬពាក្យសម្ងាត់ទេ")
	case address.Fragment != "" || strings.Contains(value, "#"):
		return "", refused("must not have a fragment", "មិនត្រូវមាន fragment ទេ")
	case notLiteral == nil && !guard.Permits(literal), notLiteral != nil && endsInNumber(host):
		return "", refused("leads to an address that is not allowed", "ចង្អុលទៅអាសយដ្ឋានដែលមិនអនុញ្ញាត")
	}
	// Schemes are told in small letters, as the schema of OcrJobs wants it.
	return address.Scheme + value[len(address.Scheme):], nil
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// endsInNumber tells hosts that some resolvers take for an IPv4 address in an unusual notation, such as 0x7f.1
// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func endsInNumber(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}

// callbackSigned makes sure that the message of a callback can be signed.
func callbackSigned(callback *v1alpha1.Callback, secrets []v1alpha1.WebhookSecret) error {
	switch {
	case callback == nil:
		return nil
	case len(secrets) == 0:
		return callbackUnsigned.because(nil)
	case callback.Secret != "" && !slices.ContainsFunc(secrets, func(s v1alpha1.WebhookSecret) bool { return s.Name == callback.Secret }):
		return unknownWebhookSecret.detailed("The organization has no webhook secret %s.", shown(callback.Secret)).
			khmer("អង្គភាពរបស់អ្នកគ្មានសោសម្ងាត់ webhook ឈ្មោះ %s ទេ។", shown(callback.Secret))
	}
	return nil
}
