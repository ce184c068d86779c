package contract

import (
	"strings"

	"github.com/pb33f/libopenapi-validator/content"
)

// formDecoder reads a form as the library does, and the truth values of old clients and of browsers as the gateway does.
// The document tells of true and false alone.
var formDecoder = content.DecoderFunc(func(input *content.DecodeInput) (any, error) {
	value, err := content.MultipartDecoder().Decode(input)
	if err != nil {
		return nil, err
	}
	if fields, ok := value.(map[string]any); ok {
		if word, ok := fields["force_ocr"].(string); ok {
			switch strings.ToLower(word) {
			case "1", "t", "true", "on", "yes":
				fields["force_ocr"] = true
			case "0", "f", "false", "off", "no":
				fields["force_ocr"] = false
			}
		}
	}
	return value, nil
})
