package apigateway

import (
	"net/http"

	"golang.org/x/text/language"
)

// languages that problems are told in; the first one where none is asked for.
var languages = language.NewMatcher([]language.Tag{language.English, language.Khmer})

// prefersKhmer tells whether a caller reads Khmer rather than English.
func prefersKhmer(r *http.Request) bool {
	_, index := language.MatchStrings(languages, r.Header.Values("Accept-Language")...)
	return index == 1
}
