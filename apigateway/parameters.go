package apigateway

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/netguard"
)

// parameters are what a submission asks for besides the document, as far as they have come in. Whatever they let pass, the
// schema of OcrJobs takes.
type parameters struct {
	// guard decides about the addresses of callbacks.
	guard netguard.Guard
	// asked is the part of an OcrJob's spec that each parameter makes by itself.
	asked v1alpha1.OcrJobSpec
	// force, callback and secret need to be seen together with others.
	force            bool
	callback, secret string
	password         string

	given map[string]bool
}

// limitOf a parameter's value in bytes.
func limitOf(name string) int {
	switch name {
	case "metadata":
		return 8 << 10
	case "password":
		return 255
	case "model":
		return 253
	case "webhook_secret":
		return 63
	default:
		return 1 << 10
	}
}

// set takes the value of a parameter in, or says what is wrong with it.
func (p *parameters) set(name, value string) error {
	if p.given[name] {
		return duplicateParameter.detailed("The parameter %s is there more than once.", name).
			khmer("ប៉ារ៉ាម៉ែត្រ %s មានច្រើនជាងម្តង។", name)
	}
	if len(value) > limitOf(name) {
		return tooLong(name)
	}
	if !utf8.ValidString(value) {
		return invalidParameter.detailed("The value of %s is not UTF-8.", shown(name)).
			khmer("តម្លៃរបស់ %s មិនមែនជា UTF-8 ទេ។", shown(name))
	}
	var err error
	switch name {
	case "output_format":
		p.asked.OutputFormat, err = oneOf(name, value, v1alpha1.FormatJSON, v1alpha1.FormatText, v1alpha1.FormatDocx,
			v1alpha1.FormatPDF, v1alpha1.FormatHOCR, v1alpha1.FormatALTO, v1alpha1.FormatMarkdown)
	case "priority":
		p.asked.Priority, err = oneOf(name, value, v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow)
	case "ocr_mode":
		p.asked.OcrMode, err = oneOf(name, value, v1alpha1.ModeAuto, v1alpha1.ModeForce, v1alpha1.ModeSkip)
	case "correct":
		p.asked.Correct, err = oneOf(name, value, v1alpha1.CorrectAuto, v1alpha1.CorrectOff, v1alpha1.CorrectAI)
	case "fallback":
		p.asked.Fallback, err = oneOf(name, value, v1alpha1.FallbackDefault, v1alpha1.FallbackNone)
	case "force_ocr":
		p.force, err = parseForce(value)
	case "languages":
		p.asked.Languages, err = parseLanguages(value)
	case "pages":
		p.asked.Pages, err = parsePages(value)
	case "model":
		// Whether there is such a model, and who may use it, is asked when the form is whole.
		p.asked.Model = value
		if value == "" {
			err = unknownModel.detailed("The value of model is empty.").khmer("តម្លៃរបស់ model ទទេ។")
		}
	case "metadata":
		p.asked.Metadata, err = parseMetadata(value)
	case "callback_url":
		p.callback, err = parseCallback(value, p.guard)
	case "webhook_secret":
		p.secret = value
		if value == "" {
			err = unknownWebhookSecret.detailed("The value of webhook_secret is empty.").khmer("តម្លៃរបស់ webhook_secret ទទេ។")
		}
	case "password":
		p.password = value
		if value == "" {
			err = invalidParameter.detailed("password must have 1 to %d bytes.", limitOf(name)).
				khmer("password ត្រូវតែមាន 1 ដល់ %d បៃ។", limitOf(name))
		}
	default:
		return unknownParameter.detailed("The parameter %s is not known.", shown(name)).
			khmer("មិនស្គាល់ប៉ារ៉ាម៉ែត្រ %s ទេ។", shown(name))
	}
	if err != nil {
		return err
	}
	if p.given == nil {
		p.given = map[string]bool{}
	}
	p.given[name] = true
	return nil
}

// spec is what all parameters ask for together, or what is wrong with their being together. It has no source yet.
func (p *parameters) spec() (v1alpha1.OcrJobSpec, error) {
	spec := p.asked
	if p.force {
		if spec.OcrMode != "" && spec.OcrMode != v1alpha1.ModeForce {
			return spec, invalidParameter.detailed("force_ocr asks for the ocr_mode force, and ocr_mode for %s.", spec.OcrMode).
				khmer("force_ocr ស្នើសុំ ocr_mode force ប៉ុន្តែ ocr_mode ស្នើសុំ %s។", spec.OcrMode)
		}
		spec.OcrMode = v1alpha1.ModeForce
	}
	switch {
	case p.callback != "":
		spec.Callback = &v1alpha1.Callback{URL: p.callback, Secret: p.secret}
	case p.secret != "":
		return spec, invalidParameter.detailed("webhook_secret is there without callback_url.").
			khmer("មាន webhook_secret ប៉ុន្តែគ្មាន callback_url ទេ។")
	}
	return spec, nil
}

func tooLong(name string) error {
	return parameterTooLong.detailed("The value of %s is longer than %d bytes.", shown(name), limitOf(name)).
		khmer("តម្លៃរបស់ %s វែងជាង %d បៃ។", shown(name), limitOf(name))
}

func oneOf[T ~string](name, value string, allowed ...T) (T, error) {
	if slices.Contains(allowed, T(value)) {
		return T(value), nil
	}
	return "", invalidParameter.detailed("%s must be one of %s.", name, joined(allowed)).
		khmer("%s ត្រូវតែជាតម្លៃមួយក្នុងចំណោម %s។", name, joined(allowed))
}

// joined lists words with commas between them.
func joined[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = string(value)
	}
	return strings.Join(words, ", ")
}

func parseForce(value string) (bool, error) {
	force, ok := parseBool(value)
	if !ok {
		return false, invalidParameter.detailed("force_ocr must be true or false.").khmer("force_ocr ត្រូវតែជា true ឬ false។")
	}
	return force, nil
}

// parseBool reads what programs write for a truth value (strconv.ParseBool, in any case) and what the controls of
// browsers' forms send.
func parseBool(value string) (truth, ok bool) {
	lower := strings.ToLower(value)
	switch lower {
	case "on", "yes":
		return true, true
	case "off", "no":
		return false, true
	}
	truth, err := strconv.ParseBool(lower)
	return truth, err == nil
}

const maxLanguages = 10

// languageTag is what the schema of OcrJobs takes for a language, which is less than BCP 47.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

const maxLanguageTag = 35

// parseLanguages reads BCP 47 tags with commas between them. Each comes back once, as models name it: khm is km.
func parseLanguages(value string) ([]string, error) {
	var tags []string
	for item := range strings.SplitSeq(value, ",") {
		tag, err := language.Parse(strings.TrimSpace(item))
		canonical := tag.String()
		if err != nil || tag == language.Und || len(canonical) > maxLanguageTag || !languageTag.MatchString(canonical) {
			return nil, invalidParameter.detailed("languages must be BCP 47 tags with commas between them, such as km,en; %s is none.", shown(item)).
				khmer("languages ត្រូវតែជាស្លាកភាសា BCP 47 ដូចជា km,en ប៉ុន្តែ %s មិនមែនទេ។", shown(item))
		}
		if !slices.Contains(tags, canonical) {
			tags = append(tags, canonical)
		}
	}
	if len(tags) > maxLanguages {
		return nil, invalidParameter.detailed("languages has %d tags; at most %d are taken.", len(tags), maxLanguages).
			khmer("languages មានស្លាក %d ប៉ុន្តែអាចមានច្រើនបំផុតត្រឹម %d។", len(tags), maxLanguages)
	}
	return tags, nil
}
