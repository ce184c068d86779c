package apigateway

import (
	"slices"
	"strconv"
	"strings"

	"github.com/openplp/khocr/api/v1alpha1"
)

// parameters are what a submission asks for besides the document. Fields that were not given are empty.
type parameters struct {
	format   v1alpha1.OutputFormat
	force    bool
	priority v1alpha1.Priority

	given map[string]bool
}

// maxParameter bounds the value of a parameter in bytes.
const maxParameter = 1 << 10

// set takes the value of a parameter in, or says what is wrong with it.
func (p *parameters) set(name, value string) error {
	if p.given[name] {
		return duplicateParameter.detailed("The parameter %s is there more than once.", name)
	}
	switch name {
	case "output_format":
		if err := oneOf(name, value, v1alpha1.FormatJSON, v1alpha1.FormatText, v1alpha1.FormatDocx); err != nil {
			return err
		}
		p.format = v1alpha1.OutputFormat(value)
	case "force_ocr":
		force, ok := parseBool(value)
		if !ok {
			return invalidParameter.detailed("force_ocr must be true or false.")
		}
		p.force = force
	case "priority":
		if err := oneOf(name, value, v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow); err != nil {
			return err
		}
		p.priority = v1alpha1.Priority(value)
	default:
		return unknownParameter.detailed("The parameter %s is not known.", shown(name))
	}
	if p.given == nil {
		p.given = map[string]bool{}
	}
	p.given[name] = true
	return nil
}

func oneOf[T ~string](name, value string, allowed ...T) error {
	if slices.Contains(allowed, T(value)) {
		return nil
	}
	return invalidParameter.detailed("%s must be one of %s.", name, joined(allowed))
}

// joined lists words with commas between them.
func joined[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = string(value)
	}
	return strings.Join(words, ", ")
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
