package apigateway

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Limits of metadata, as the schema of OcrJobs has them.
const (
	maxMetadata      = 20
	maxMetadataValue = 500
)

var metadataName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$`)

// parseMetadata reads a JSON object of texts. The entries come back in the order of their names.
func parseMetadata(value string) ([]v1alpha1.MetadataEntry, error) {
	decoder := json.NewDecoder(strings.NewReader(value))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return nil, noMetadata()
	}
	var entries []v1alpha1.MetadataEntry
	for decoder.More() {
		entry, err := nextMetadata(decoder)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(entries, func(other v1alpha1.MetadataEntry) bool { return other.Name == entry.Name }) {
			return nil, invalidMetadata.detailed("metadata has %s more than once.", entry.Name).
				khmer("metadata មាន %s ច្រើនជាងម្តង។", entry.Name)
		}
		entries = append(entries, entry)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, noMetadata()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, noMetadata()
	}
	if len(entries) > maxMetadata {
		return nil, invalidMetadata.detailed("metadata has %d entries; at most %d are taken.", len(entries), maxMetadata).
			khmer("metadata មានធាតុ %d ប៉ុន្តែអាចមានច្រើនបំផុតត្រឹម %d។", len(entries), maxMetadata)
	}
	slices.SortFunc(entries, func(a, b v1alpha1.MetadataEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// nextMetadata reads a name and its value. An object within the object is no text, so this needs no depth.
func nextMetadata(decoder *json.Decoder) (v1alpha1.MetadataEntry, error) {
	name, err := decoder.Token()
	if err != nil {
		return v1alpha1.MetadataEntry{}, noMetadata()
	}
	entry := v1alpha1.MetadataEntry{Name: name.(string)} // the decoder takes no other name
	if !metadataName.MatchString(entry.Name) {
		return entry, invalidMetadata.detailed("The name %s in metadata is none of 1 to 64 letters, digits, '.', '_' and '-' that begins and ends with a letter or digit.", shown(entry.Name)).
			khmer("ឈ្មោះ %s ក្នុង metadata ត្រូវតែមានអក្សរឡាតាំង លេខ '.', '_' ឬ '-' ចំនួន 1 ដល់ 64។", shown(entry.Name))
	}
	value, err := decoder.Token()
	if err != nil {
		return entry, noMetadata()
	}
	text, ok := value.(string)
	if !ok {
		return entry, invalidMetadata.detailed("The value of %s in metadata is not a text.", entry.Name).
			khmer("តម្លៃរបស់ %s ក្នុង metadata មិនមែនជាអត្ថបទទេ។", entry.Name)
	}
	if utf8.RuneCountInString(text) > maxMetadataValue {
		return entry, invalidMetadata.detailed("The value of %s in metadata is longer than %d characters.", entry.Name, maxMetadataValue).
			khmer("តម្លៃរបស់ %s ក្នុង metadata វែងជាង %d តួអក្សរ។", entry.Name, maxMetadataValue)
	}
	entry.Value = text
	return entry, nil
}

func noMetadata() error {
	return invalidMetadata.detailed(`metadata must be one JSON object of texts, such as {"case":"17-B"}.`).
		khmer(`metadata ត្រូវតែជាវត្ថុ JSON នៃអត្ថបទ ដូចជា {"case":"17-B"}។`)
}
