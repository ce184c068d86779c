package fuzz

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// pair is a field of a query, a header or a form.
type pair struct{ name, value string }

// part is a field of a form. Only files have a file name.
type part struct {
	name, fileName, value string
	isFile                bool
}

// request is one on its way, with what was done to it.
type request struct {
	operation *operation
	method    string
	path      []pair // the names of what stands in the path, and their values
	query     []pair
	headers   []pair
	parts     []part
	boundary  string
	body      []byte // in place of the parts
	// length is what Content-Length says, -1 for the truth, -2 for chunks.
	length int
	// cut is how many bytes of the body are sent, -1 for all.
	cut int
	// strangers tells that the job is another organization's.
	strangers bool
	// rough tells that the request breaks HTTP itself, whose refusal is no answer of ours.
	rough bool
	story string
}

// leaves tells that the caller closes his side before he has sent what he said: he is taken for gone, and what was under way
// for him fails.
func (r *request) leaves() bool { return r.cut >= 0 || r.length >= 0 }

const pageOfPDF = "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

// request makes up one: a valid one, which is then broken two times out of three.
func (f *fuzzer) request(random *rand.Rand) *request {
	o := &f.operations[random.IntN(len(f.operations))]
	r := &request{operation: o, method: strings.ToUpper(o.method), boundary: "b" + word(random, 12), length: -1, cut: -1, story: o.id}
	f.authenticate(random, r)
	for _, parameter := range o.parameters {
		if parameter.Required == nil || !*parameter.Required {
			if random.IntN(3) > 0 {
				continue
			}
		}
		f.add(random, r, parameter)
	}
	if o.form != nil {
		r.parts = append(r.parts, part{"file", "a.pdf", pageOfPDF, true})
		schema := o.form.Schema.Schema()
		for name, property := range schema.Properties.FromOldest() {
			if name != "file" && random.IntN(5) == 0 {
				r.parts = append(r.parts, part{name: name, value: valid(random, property.Schema())})
			}
		}
		random.Shuffle(len(r.parts), func(i, j int) { r.parts[i], r.parts[j] = r.parts[j], r.parts[i] })
	}
	if o.json != nil {
		// Its example is a valid one.
		r.headers = append(r.headers, pair{"Content-Type", "application/json"})
		var example any
		if err := o.json.Example.Decode(&example); err == nil {
			r.body, _ = json.Marshal(example)
		}
	}
	if random.IntN(3) > 0 {
		for range 1 + random.IntN(3) {
			f.spoil(random, r)
		}
	}
	return r
}

func (f *fuzzer) authenticate(random *rand.Rand, r *request) {
	if random.IntN(8) == 0 {
		r.query = append(r.query, pair{"api_key", f.Key})
	} else {
		r.headers = append(r.headers, pair{"X-API-Key", f.Key})
	}
}

func (f *fuzzer) add(random *rand.Rand, r *request, parameter *v3.Parameter) {
	schema := parameter.Schema.Schema()
	switch {
	case parameter.Name == "id":
		r.path = append(r.path, pair{"id", f.known(random, func() []string {
			if r.method == http.MethodDelete && random.IntN(50) > 0 {
				return f.jobs[len(f.Jobs):] // what was given is there to be read
			}
			return f.jobs
		})})
	case parameter.In == "path":
		value := valid(random, schema)
		if random.IntN(2) == 0 {
			value = "1"
		}
		r.path = append(r.path, pair{parameter.Name, value})
	case parameter.In == "query" && len(schema.Type) > 0 && schema.Type[0] == "object":
		r.query = append(r.query, pair{parameter.Name + "." + word(random, 1+random.IntN(5)), word(random, 5)})
	case parameter.In == "query":
		r.query = append(r.query, pair{parameter.Name, valid(random, schema)})
	case parameter.In == "header":
		r.headers = append(r.headers, pair{parameter.Name, valid(random, schema)})
	}
}

// spoil breaks a request in one way.
func (f *fuzzer) spoil(random *rand.Rand, r *request) {
	any := func(pairs []pair) *pair {
		if len(pairs) == 0 {
			return nil
		}
		return &pairs[random.IntN(len(pairs))]
	}
	ways := []struct {
		name string
		do   func()
	}{
		{"an odd value in the query", func() {
			if one := any(r.query); one != nil {
				one.value = oddValue(random)
			} else if parameter := f.anyParameter(random, r.operation, "query"); parameter != nil {
				r.query = append(r.query, pair{parameter.Name, oddValue(random)})
			}
		}},
		{"a query parameter twice", func() {
			if one := any(r.query); one != nil {
				r.query = append(r.query, *one)
			}
		}},
		{"an unknown query parameter", func() { r.query = append(r.query, pair{oddValue(random), oddValue(random)}) }},
		{"a parameter in the wrong place", func() {
			switch one := any(r.headers); {
			case one != nil && random.IntN(2) == 0:
				r.query = append(r.query, pair{one.name, one.value})
			case len(r.parts) > 0:
				one := r.parts[random.IntN(len(r.parts))]
				r.query = append(r.query, pair{one.name, one.value[:min(len(one.value), 100)]})
			case len(r.query) > 0:
				one := any(r.query)
				r.headers = append(r.headers, pair{"X-" + word(random, 5), url.QueryEscape(one.value)})
			}
		}},
		{"an odd path", func() {
			if one := any(r.path); one != nil {
				one.value = oddValue(random)
			}
		}},
		{"a job of another organization", func() {
			for i := range r.path {
				if r.path[i].name == "id" && len(f.others) > 0 {
					r.path[i].value, r.strangers = f.known(random, func() []string { return f.others }), true
				}
			}
		}},
		{"another method", func() {
			r.method = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECTED", "get"}[random.IntN(9)]
		}},
		{"no key", func() { f.dropKey(r) }},
		{"an odd key", func() {
			f.dropKey(r)
			r.headers = append(r.headers, pair{"X-API-Key", headerValue(oddValue(random))})
		}},
		{"an odd header", func() {
			names := []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Range", "If-Range", "If-None-Match", "Last-Event-ID",
				"Idempotency-Key", "X-Request-Id", "Origin", "Expect", "Content-Encoding", "X-Forwarded-For", "Forwarded", "Cookie", "X-HTTP-Method-Override",
				"Access-Control-Request-Method", "Upgrade"}
			r.headers = append(r.headers, pair{names[random.IntN(len(names))], headerValue(oddValue(random))})
		}},
		{"a rough header", func() {
			rough := []pair{{"Host", "a b"}, {"Transfer-Encoding", "gzip"}, {"X-Long", strings.Repeat("x", 2<<20)}, {"Bad Name", "x"}, {"X-Bad", "a\x00b"}, {"Content-Length", "x"}}
			r.headers, r.rough = append(r.headers, rough[random.IntN(len(rough))]), true
		}},
		{"a body where there is none", func() {
			if r.operation.form == nil {
				r.body = []byte(oddValue(random))
			}
		}},
		{"an odd form field", func() {
			if r.operation.form == nil {
				return
			}
			names := []string{"colour", "", "file", "FILE", "metadata"}
			for name := range r.operation.form.Schema.Schema().Properties.FromOldest() {
				names = append(names, name)
			}
			r.parts = append(r.parts, part{name: names[random.IntN(len(names))], value: oddValue(random), isFile: random.IntN(8) == 0})
		}},
		{"a form field twice", func() {
			if len(r.parts) > 0 {
				r.parts = append(r.parts, r.parts[random.IntN(len(r.parts))])
			}
		}},
		{"an odd file", func() {
			for i := range r.parts {
				if r.parts[i].isFile {
					r.parts[i].value = []string{"", "%PDF-", "PK\x03\x04", "\x89PNG\r\n\x1a\n", "II*\x00", oddValue(random)}[random.IntN(6)]
					r.parts[i].fileName = oddValue(random)
				}
			}
		}},
		{"no file", func() {
			if r.operation.form != nil {
				r.parts = nil
			}
		}},
		{"a value of 10 MB", func() {
			if r.operation.form != nil && random.IntN(20) == 0 {
				r.parts = append(r.parts, part{name: "metadata", value: strings.Repeat("x", 10<<20)})
			}
		}},
		{"a malformed form", func() {
			if r.operation.form == nil {
				return
			}
			bodies := []string{"", "--", "--" + r.boundary, "--" + r.boundary + "--", "--" + r.boundary + "\r\n\r\n", "--" + r.boundary + "\r\nContent-Disposition: form-data\r\n\r\nx\r\n--" + r.boundary + "--",
				"--" + r.boundary + "\r\n" + strings.Repeat("X-H: y\r\n", 20000) + "\r\nx\r\n--" + r.boundary + "--", "--" + r.boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--" + r.boundary + "--",
				"--" + r.boundary + "\nContent-Disposition: form-data; name=file\n\n%PDF-1.7\n--" + r.boundary + "--\n", oddValue(random)}
			r.body = []byte(bodies[random.IntN(len(bodies))])
		}},
		{"another content type", func() {
			types := []string{"", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + strings.Repeat("x", 200), "multipart/mixed; boundary=b", "application/json", "text/plain", ";", "multipart/form-data; boundary=\"a b\"; boundary=c"}
			r.headers = append(r.headers, pair{"Content-Type", types[random.IntN(len(types))]})
		}},
		{"a body that is cut off", func() {
			if r.operation.form != nil {
				r.cut, r.rough = random.IntN(600), true
			}
		}},
		{"a forged length", func() {
			if r.operation.form != nil {
				r.length, r.rough = []int{0, 1, 10, 300, 100_000, 1 << 30}[random.IntN(6)], true
			}
		}},
		{"chunks", func() { r.length = -2 }},
	}
	way := ways[random.IntN(len(ways))]
	way.do()
	r.story += ", " + way.name
}

func (f *fuzzer) anyParameter(random *rand.Rand, o *operation, in string) *v3.Parameter {
	var found []*v3.Parameter
	for _, one := range o.parameters {
		if one.In == in {
			found = append(found, one)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[random.IntN(len(found))]
}

func (f *fuzzer) dropKey(r *request) {
	keep := func(pairs []pair) (kept []pair) {
		for _, one := range pairs {
			if one.value != f.Key {
				kept = append(kept, one)
			}
		}
		return kept
	}
	r.headers, r.query = keep(r.headers), keep(r.query)
}

// headerValue leaves out what ends a line, which would be another header.
func headerValue(value string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, value)
}

// target is the request's path and query, as they stand in its first line.
func (r *request) target() string {
	path := r.operation.path
	for _, one := range r.path {
		path = strings.ReplaceAll(path, "{"+one.name+"}", url.PathEscape(one.value))
	}
	if len(r.query) == 0 {
		return path
	}
	encoded := make([]string, len(r.query))
	for i, one := range r.query {
		encoded[i] = url.QueryEscape(one.name) + "=" + url.QueryEscape(one.value)
	}
	return path + "?" + strings.Join(encoded, "&")
}

// parsed is the request as the document sees it.
func (r *request) parsed() *http.Request {
	address, err := url.ParseRequestURI(r.target())
	if err != nil {
		return nil
	}
	header := http.Header{}
	for _, one := range r.headers {
		header.Add(one.name, one.value)
	}
	if r.operation.form != nil && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "multipart/form-data; boundary="+r.boundary)
	}
	return &http.Request{Method: r.method, URL: address, Header: header, Host: "fuzz.test"}
}

// content is the body.
func (r *request) content() []byte {
	if r.body != nil || r.operation.form == nil {
		return r.body
	}
	var out strings.Builder
	for _, one := range r.parts {
		out.WriteString("--" + r.boundary + "\r\nContent-Disposition: form-data; name=\"" + quoted(one.name) + "\"")
		if one.isFile {
			out.WriteString("; filename=\"" + quoted(one.fileName) + "\"")
		}
		out.WriteString("\r\n\r\n" + one.value + "\r\n")
	}
	out.WriteString("--" + r.boundary + "--\r\n")
	return []byte(out.String())
}

func quoted(text string) string {
	return strings.NewReplacer("\"", "%22", "\r", "%0D", "\n", "%0A").Replace(text)
}
