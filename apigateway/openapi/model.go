package openapi

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// spec is what the page tells of the document.
type spec struct {
	Info struct {
		Title, Version, Summary, Description string
	}
	Servers    []struct{ URL string }
	Security   []ordered[[]string]
	Tags       []struct{ Name, Description string }
	Paths      ordered[pathItem]
	Webhooks   ordered[pathItem]
	Components struct {
		SecuritySchemes ordered[securityScheme] `yaml:"securitySchemes"`
		Parameters      ordered[parameter]
		Headers         ordered[header]
		Responses       ordered[response]
		Schemas         ordered[schema]
	}
}

type securityScheme struct {
	Name, In, Description string
}

// pathItem are the operations of a path, by method.
type pathItem struct {
	parameters []parameter
	operations ordered[operation]
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *pathItem) UnmarshalYAML(node *yaml.Node) error {
	var fields ordered[yaml.Node]
	if err := node.Decode(&fields); err != nil {
		return err
	}
	for _, field := range fields {
		if field.Key == "parameters" {
			if err := field.Value.Decode(&p.parameters); err != nil {
				return err
			}
			continue
		}
		var found operation
		if err := field.Value.Decode(&found); err != nil {
			return fmt.Errorf("%s: %w", field.Key, err)
		}
		p.operations = append(p.operations, entry[operation]{strings.ToUpper(field.Key), found})
	}
	return nil
}

type operation struct {
	Tags        []string
	OperationID string `yaml:"operationId"`
	Summary     string
	Description string
	Security    *[]ordered[[]string]
	Parameters  []parameter
	RequestBody *struct {
		Content ordered[mediaType]
	} `yaml:"requestBody"`
	Responses ordered[response]
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name        string
	In          string
	Description string
	Required    bool
	Schema      schema
}

type header struct {
	Ref         string `yaml:"$ref"`
	Description string
}

type response struct {
	Ref         string `yaml:"$ref"`
	Description string
	Codes       []string `yaml:"x-codes"`
	Headers     ordered[header]
	Content     ordered[mediaType]
}

type mediaType struct {
	Schema   schema
	Example  any
	Examples ordered[struct {
		Summary string
		Value   any
	}]
}

type schema struct {
	Ref              string `yaml:"$ref"`
	Type             any
	Format           string
	Description      string
	Enum             []any
	Const            any
	Default          any
	Pattern          string
	Minimum          *float64
	Maximum          *float64
	MinLength        *int `yaml:"minLength"`
	MaxLength        *int `yaml:"maxLength"`
	MaxProperties    *int `yaml:"maxProperties"`
	Items            *schema
	Properties       ordered[schema]
	Required         []string
	EnumDescriptions ordered[string] `yaml:"x-enumDescriptions"`
}

// ordered is a mapping in the order in which it is written.
type ordered[T any] []entry[T]

type entry[T any] struct {
	Key   string
	Value T
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *ordered[T]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: no mapping", node.Line)
	}
	for i := 0; i < len(node.Content); i += 2 {
		one := entry[T]{Key: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&one.Value); err != nil {
			return fmt.Errorf("%s: %w", one.Key, err)
		}
		*o = append(*o, one)
	}
	return nil
}

// at finds what a reference such as #/components/responses/NAME names, by its last part.
func (o ordered[T]) at(ref string) T {
	name := lastPart(ref)
	for _, one := range o {
		if one.Key == name {
			return one.Value
		}
	}
	panic(fmt.Errorf("the OpenAPI document has no %s", ref)) // it is part of the program
}

func lastPart(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
