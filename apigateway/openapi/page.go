package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed page.html.tmpl
var pageTemplate string

// page is the document for people.
func page() []byte {
	s := new(spec)
	if err := yaml.Unmarshal(document, s); err != nil {
		panic(fmt.Errorf("read the OpenAPI document: %w", err)) // it is part of the program
	}
	parsed := template.Must(template.New("page").Funcs(template.FuncMap{
		"prose": prose, "kind": kind, "limits": limits, "refName": lastPart, "contains": slices.Contains[[]string, string],
	}).Parse(pageTemplate))
	var out bytes.Buffer
	if err := parsed.Execute(&out, s); err != nil {
		panic(fmt.Errorf("make the page of the API: %w", err))
	}
	return out.Bytes()
}

// shownOperation is an operation with everything that it refers to.
type shownOperation struct {
	operation
	Method, Path string
	Keys         []string
	Parameters   []parameter
	Fields       *schema
	Body         string
	Answers      []shownResponse
	Curl         string
}

type shownResponse struct {
	response
	Status   string
	Headers  []entry[header]
	Examples []entry[string]
}

// Operations are those of a tag.
func (s *spec) Operations(tag string) []shownOperation {
	var found []shownOperation
	for _, path := range s.Paths {
		for _, method := range path.Value.operations {
			if slices.Contains(method.Value.Tags, tag) {
				found = append(found, s.show(s.Servers[0].URL+path.Key, method.Key, path.Value.parameters, method.Value))
			}
		}
	}
	return found
}

// Hooks are what the platform sends.
func (s *spec) Hooks() []shownOperation {
	var found []shownOperation
	for _, hook := range s.Webhooks {
		for _, method := range hook.Value.operations {
			found = append(found, s.show("", method.Key, hook.Value.parameters, method.Value))
		}
	}
	return found
}

func (s *spec) show(path, method string, shared []parameter, o operation) shownOperation {
	shown := shownOperation{operation: o, Method: method, Path: path}
	security := s.Security
	if o.Security != nil {
		security = *o.Security
	}
	for _, one := range security {
		scheme := s.Components.SecuritySchemes.at(one[0].Key)
		shown.Keys = append(shown.Keys, scheme.In+" "+scheme.Name)
	}
	for _, one := range append(slices.Clone(shared), o.Parameters...) {
		if one.Ref != "" {
			one = s.Components.Parameters.at(one.Ref)
		}
		shown.Parameters = append(shown.Parameters, one)
	}
	if o.RequestBody != nil {
		shown.Body = o.RequestBody.Content[0].Key
		fields := o.RequestBody.Content[0].Value.Schema
		if fields.Ref != "" {
			fields = s.Components.Schemas.at(fields.Ref)
		}
		shown.Fields = &fields
	}
	for _, one := range o.Responses {
		answer := one.Value
		if answer.Ref != "" {
			answer = s.Components.Responses.at(answer.Ref)
		}
		shown.Answers = append(shown.Answers, s.answer(one.Key, answer))
	}
	if path != "" {
		shown.Curl = curl(path, &shown)
	}
	return shown
}

func (s *spec) answer(status string, r response) shownResponse {
	shown := shownResponse{response: r, Status: status}
	for _, one := range r.Headers {
		if one.Value.Ref != "" {
			one.Value = s.Components.Headers.at(one.Value.Ref)
		}
		shown.Headers = append(shown.Headers, one)
	}
	for _, content := range r.Content {
		for _, example := range content.Value.Examples {
			shown.Examples = append(shown.Examples, entry[string]{example.Value.Summary, encoded(example.Value.Value)})
		}
		if content.Value.Example != nil {
			shown.Examples = append(shown.Examples, entry[string]{"An example", encoded(content.Value.Example)})
		}
	}
	return shown
}

// curl is how the operation is tried from a terminal.
func curl(path string, o *shownOperation) string {
	var command strings.Builder
	command.WriteString("curl ")
	if o.Method != "GET" {
		command.WriteString("-X " + o.Method + " ")
	}
	command.WriteString("https://HOST" + strings.NewReplacer("{id}", "a1b2c3d4e5f6", "{n}", "1").Replace(path))
	if len(o.Keys) > 0 {
		command.WriteString(` -H "X-API-Key: khocr_your_key"`)
	}
	if o.Fields != nil {
		command.WriteString(` -F "file=@document.pdf" -F "output_format=json"`)
	}
	return command.String()
}

func encoded(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Errorf("encode an example: %w", err)) // it is part of the program
	}
	return out.String()
}

// prose renders what descriptions use of CommonMark: paragraphs and code.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph == "" {
			continue
		}
		out.WriteString("<p>")
		for i, piece := range strings.Split(paragraph, "`") {
			piece = template.HTMLEscapeString(piece)
			if i%2 == 1 {
				piece = "<code>" + piece + "</code>"
			}
			out.WriteString(piece)
		}
		out.WriteString("</p>")
	}
	return template.HTML(out.String())
}

// kind is the type of a value in words; Ref is set where it has a section of its own.
type shownKind struct {
	Words, Ref string
}

func kind(s schema) shownKind {
	switch {
	case s.Ref != "":
		return shownKind{"", lastPart(s.Ref)}
	case s.Items != nil:
		of := kind(*s.Items)
		return shownKind{"list of " + of.Words, of.Ref}
	case s.Type == nil:
		return shownKind{}
	}
	words := fmt.Sprint(s.Type)
	if list, ok := s.Type.([]any); ok {
		words = strings.Join(texts(list), " or ")
	}
	if s.Format != "" {
		words += " (" + s.Format + ")"
	}
	return shownKind{words, ""}
}

// limits are the bounds of a value in words.
func limits(s schema) string {
	var all []string
	add := func(format string, values ...any) { all = append(all, fmt.Sprintf(format, values...)) }
	if len(s.Enum) > 0 && len(s.EnumDescriptions) == 0 {
		add("%s", strings.Join(texts(s.Enum), ", "))
	}
	if s.Const != nil {
		add("always %v", s.Const)
	}
	if s.Minimum != nil {
		add("from %v", *s.Minimum)
	}
	if s.Maximum != nil {
		add("to %.0f", *s.Maximum)
	}
	if s.MaxLength != nil {
		add("at most %d characters", *s.MaxLength)
	}
	if s.MaxProperties != nil {
		add("at most %d", *s.MaxProperties)
	}
	if s.Default != nil {
		add("default %v", s.Default)
	}
	if s.Pattern != "" {
		add("%s", s.Pattern)
	}
	return strings.Join(all, "; ")
}

func texts(values []any) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = fmt.Sprint(value)
	}
	return all
}
