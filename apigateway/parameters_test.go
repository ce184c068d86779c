package apigateway

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestTruthValues(t *testing.T) {
	for value, want := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "tRuE": true, "1": true, "t": true, "on": true, "On": true, "yes": true,
		"false": false, "False": false, "FALSE": false, "0": false, "f": false, "off": false, "no": false,
	} {
		if got, ok := parseBool(value); !ok || got != want {
			t.Errorf("parseBool(%q) = %v, %v", value, got, ok)
		}
	}
	for _, value := range []string{"", " ", "2", "truee", "null", "ពិត"} {
		if _, ok := parseBool(value); ok {
			t.Errorf("parseBool took %q", value)
		}
	}
}

// specOf is what parameters given as name=value ask for.
func specOf(given ...string) (v1alpha1.OcrJobSpec, *parameters, error) {
	p := new(parameters)
	for _, one := range given {
		name, value, _ := strings.Cut(one, "=")
		if err := p.set(name, value); err != nil {
			return v1alpha1.OcrJobSpec{}, p, err
		}
	}
	spec, err := p.spec()
	return spec, p, err
}

func TestParametersMakeASpec(t *testing.T) {
	entry := func(name, value string) v1alpha1.MetadataEntry {
		return v1alpha1.MetadataEntry{Name: name, Value: value}
	}
	for name, c := range map[string]struct {
		given []string
		want  v1alpha1.OcrJobSpec
	}{
		"nothing":                             {nil, v1alpha1.OcrJobSpec{}},
		"a format that came later":            {[]string{"output_format=markdown"}, v1alpha1.OcrJobSpec{OutputFormat: v1alpha1.FormatMarkdown}},
		"a priority":                          {[]string{"priority=low"}, v1alpha1.OcrJobSpec{Priority: v1alpha1.PriorityLow}},
		"a mode":                              {[]string{"ocr_mode=skip"}, v1alpha1.OcrJobSpec{OcrMode: v1alpha1.ModeSkip}},
		"no correction":                       {[]string{"correct=off"}, v1alpha1.OcrJobSpec{Correct: v1alpha1.CorrectOff}},
		"correction by an AI model":           {[]string{"correct=ai"}, v1alpha1.OcrJobSpec{Correct: v1alpha1.CorrectAI}},
		"no fallback":                         {[]string{"fallback=none"}, v1alpha1.OcrJobSpec{Fallback: v1alpha1.FallbackNone}},
		"force":                               {[]string{"force_ocr=on"}, v1alpha1.OcrJobSpec{OcrMode: v1alpha1.ModeForce}},
		"no force":                            {[]string{"force_ocr=off"}, v1alpha1.OcrJobSpec{}},
		"force twice":                         {[]string{"ocr_mode=force", "force_ocr=true"}, v1alpha1.OcrJobSpec{OcrMode: v1alpha1.ModeForce}},
		"no force and another mode":           {[]string{"force_ocr=false", "ocr_mode=skip"}, v1alpha1.OcrJobSpec{OcrMode: v1alpha1.ModeSkip}},
		"a language":                          {[]string{"languages=km"}, v1alpha1.OcrJobSpec{Languages: []string{"km"}}},
		"languages in other forms, and twice": {[]string{"languages=khm, EN-us,km,iw"}, v1alpha1.OcrJobSpec{Languages: []string{"km", "en-US", "he"}}},
		"pages":                               {[]string{"pages=1-3,7"}, v1alpha1.OcrJobSpec{Pages: "1-3,7"}},
		"pages in any order":                  {[]string{"pages=7, 2-3,1,3-4,999999"}, v1alpha1.OcrJobSpec{Pages: "1-4,7,999999"}},
		"a model":                             {[]string{"model=khm-eng"}, v1alpha1.OcrJobSpec{Model: "khm-eng"}},
		"metadata": {[]string{`metadata= {"b":"ក\n","a.B-c_d":""} `},
			v1alpha1.OcrJobSpec{Metadata: []v1alpha1.MetadataEntry{entry("a.B-c_d", ""), entry("b", "ក\n")}}},
		"no metadata": {[]string{"metadata={}"}, v1alpha1.OcrJobSpec{}},
		"a callback": {[]string{"callback_url=HTTPS://hooks.example.test:8443/a?token=b%20c", "webhook_secret=second"},
			v1alpha1.OcrJobSpec{Callback: &v1alpha1.Callback{URL: "https://hooks.example.test:8443/a?token=b%20c", Secret: "second"}}},
		"a callback with the first secret": {[]string{"callback_url=http://93.184.215.14"}, v1alpha1.OcrJobSpec{Callback: &v1alpha1.Callback{URL: "http://93.184.215.14"}}},
		"a secret before its callback":     {[]string{"webhook_secret=a", "callback_url=http://a"}, v1alpha1.OcrJobSpec{Callback: &v1alpha1.Callback{URL: "http://a", Secret: "a"}}},
		"a password, which is none of it":  {[]string{"password=ពាក្យសម្ងាត់"}, v1alpha1.OcrJobSpec{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := specOf(c.given...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, p, err := specOf("password= a b "); err != nil || p.password != " a b " {
		t.Errorf("password %q, %v", p.password, err)
	}
}

// hostile are values that are refused, each with the code and a word of the detail.
var hostile = map[string]struct {
	given       []string
	code, names string
}{
	"an unknown parameter":             {[]string{"colour=1"}, "unknown_parameter", "colour"},
	"a parameter in capitals":          {[]string{"Pages=1"}, "unknown_parameter", "Pages"},
	"a format":                         {[]string{"output_format=xml"}, "invalid_parameter", "json, text, docx, pdf, hocr, alto, markdown"},
	"an empty format":                  {[]string{"output_format="}, "invalid_parameter", "output_format"},
	"a priority":                       {[]string{"priority=urgent"}, "invalid_parameter", "high, normal, low"},
	"a mode":                           {[]string{"ocr_mode=on"}, "invalid_parameter", "auto, force, skip"},
	"a correction":                     {[]string{"correct=true"}, "invalid_parameter", "auto, off, ai"},
	"a fallback":                       {[]string{"fallback=tesseract"}, "invalid_parameter", "default, none"},
	"force against auto":               {[]string{"force_ocr=true", "ocr_mode=auto"}, "invalid_parameter", "ocr_mode"},
	"skip against force":               {[]string{"ocr_mode=skip", "force_ocr=1"}, "invalid_parameter", "skip"},
	"no UTF-8":                         {[]string{"metadata={\"a\":\"\xff\"}"}, "invalid_parameter", "UTF-8"},
	"an empty list of languages":       {[]string{"languages="}, "invalid_parameter", "languages"},
	"a language too many commas":       {[]string{"languages=km,"}, "invalid_parameter", "languages"},
	"a language that there is not":     {[]string{"languages=km,zz"}, "invalid_parameter", "zz"},
	"a language's English name":        {[]string{"languages=khmer"}, "invalid_parameter", "khmer"},
	"no language":                      {[]string{"languages=und"}, "invalid_parameter", "und"},
	"a language of one's own":          {[]string{"languages=x-khmer"}, "invalid_parameter", "x-khmer"},
	"a language without end":           {[]string{"languages=km-x-" + strings.Repeat("abcdefgh-", 5) + "a"}, "invalid_parameter", "km-x"},
	"Tesseract's notation":             {[]string{"languages=khm+eng"}, "invalid_parameter", "khm+eng"},
	"many languages":                   {[]string{"languages=km,en,fr,de,es,it,pt,nl,sv,da,fi"}, "invalid_parameter", "10"},
	"no pages":                         {[]string{"pages="}, "invalid_pages", "pages"},
	"page 0":                           {[]string{"pages=0"}, "invalid_pages", `"0"`},
	"a leading zero":                   {[]string{"pages=01"}, "invalid_pages", "01"},
	"a negative page":                  {[]string{"pages=-1"}, "invalid_pages", "-1"},
	"an open range":                    {[]string{"pages=3-"}, "invalid_pages", "3-"},
	"a backward range":                 {[]string{"pages=1,9-3"}, "invalid_pages", "9-3"},
	"a page of seven digits":           {[]string{"pages=1000000"}, "invalid_pages", "1000000"},
	"digits of another script":         {[]string{"pages=១"}, "invalid_pages", "១"},
	"words for pages":                  {[]string{"pages=all"}, "invalid_pages", "all"},
	"a range of three":                 {[]string{"pages=1-2-3"}, "invalid_pages", "1-2-3"},
	"pages without end":                {[]string{"pages=" + strings.TrimSuffix(strings.Repeat("1,3,", 300), ",")}, "parameter_too_long", "pages"},
	"scattered pages":                  {[]string{"pages=" + scattered(1024)}, "invalid_pages", "1000"},
	"no model":                         {[]string{"model="}, "unknown_model", "model"},
	"a model without end":              {[]string{"model=" + strings.Repeat("m", 254)}, "parameter_too_long", "253"},
	"metadata that is none":            {[]string{"metadata="}, "invalid_metadata", "JSON"},
	"a list":                           {[]string{"metadata=[]"}, "invalid_metadata", "object"},
	"half an object":                   {[]string{`metadata={"a":"b"`}, "invalid_metadata", "object"},
	"half a name":                      {[]string{`metadata={"a`}, "invalid_metadata", "object"},
	"two objects":                      {[]string{`metadata={}{}`}, "invalid_metadata", "one JSON object"},
	"words after an object":            {[]string{`metadata={} x`}, "invalid_metadata", "object"},
	"a number":                         {[]string{`metadata={"a":1}`}, "invalid_metadata", "a in metadata"},
	"nothing":                          {[]string{`metadata={"a":null}`}, "invalid_metadata", "a in metadata"},
	"an object within":                 {[]string{`metadata={"a":{"b":"c"}}`}, "invalid_metadata", "a in metadata"},
	"many objects within":              {[]string{`metadata=` + strings.Repeat(`{"a":`, 1000)}, "invalid_metadata", "a in metadata"},
	"an empty name":                    {[]string{`metadata={"":"b"}`}, "invalid_metadata", `""`},
	"a name with a space":              {[]string{`metadata={"a b":"c"}`}, "invalid_metadata", `"a b"`},
	"a name that ends in a dot":        {[]string{`metadata={"a.":"c"}`}, "invalid_metadata", `"a."`},
	"a long name":                      {[]string{`metadata={"` + strings.Repeat("n", 65) + `":"c"}`}, "invalid_metadata", "64"},
	"a name in Khmer":                  {[]string{`metadata={"ក":"c"}`}, "invalid_metadata", "ក"},
	"a name twice":                     {[]string{`metadata={"a":"b","c":"d","a":"b"}`}, "invalid_metadata", "a more than once"},
	"a long value":                     {[]string{`metadata={"a":"` + strings.Repeat("ក", 501) + `"}`}, "invalid_metadata", "500"},
	"21 entries":                       {[]string{`metadata={` + entries(21) + `}`}, "invalid_metadata", "20"},
	"8 KB and a byte":                  {[]string{`metadata={` + strings.Repeat(" ", 8191) + `}`}, "parameter_too_long", "8192"},
	"no callback":                      {[]string{"callback_url="}, "invalid_callback", "address"},
	"a callback without a scheme":      {[]string{"callback_url=example.test/a"}, "invalid_callback", "address"},
	"a path":                           {[]string{"callback_url=/etc/passwd"}, "invalid_callback", "http"},
	"a file":                           {[]string{"callback_url=file:///etc/passwd"}, "invalid_callback", "http"},
	"an address without a host":        {[]string{"callback_url=http:///a"}, "invalid_callback", "host"},
	"a port alone":                     {[]string{"callback_url=http://:80/"}, "invalid_callback", "host"},
	"no hierarchy":                     {[]string{"callback_url=http:example.test"}, "invalid_callback", ""},
	"port 0":                           {[]string{"callback_url=http://a:0/"}, "invalid_callback", "port"},
	"port 65536":                       {[]string{"callback_url=http://a:65536/"}, "invalid_callback", "port"},
	"a port in words":                  {[]string{"callback_url=http://a:http/"}, "invalid_callback", "address"},
	"a user":                           {[]string{"callback_url=http://me@a/"}, "invalid_callback", "user"},
	"a password in a callback":         {[]string{"callback_url=http://me:secret@a/"}, "invalid_callback", "password"},
	"a fragment":                       {[]string{"callback_url=http://a/#b"}, "invalid_callback", "fragment"},
	"an empty fragment":                {[]string{"callback_url=http://a/#"}, "invalid_callback", "fragment"},
	"a space":                          {[]string{"callback_url=http://a/b c"}, "invalid_callback", "address"},
	"a wide space":                     {[]string{"callback_url=http://a/b\u3000c"}, "invalid_callback", "address"},
	"a new line":                       {[]string{"callback_url=http://a/\nHost: b"}, "invalid_callback", "address"},
	"half an escape":                   {[]string{"callback_url=http://a%/"}, "invalid_callback", "address"},
	"half an IPv6":                     {[]string{"callback_url=http://[::1/"}, "invalid_callback", "address"},
	"this machine":                     {[]string{"callback_url=http://127.0.0.1/"}, "invalid_callback", "not allowed"},
	"this machine in IPv6":             {[]string{"callback_url=http://[::1]:80/"}, "invalid_callback", "not allowed"},
	"this machine in both":             {[]string{"callback_url=http://[::ffff:127.0.0.1]/"}, "invalid_callback", "not allowed"},
	"this machine by a zone":           {[]string{"callback_url=http://[fe80::1%25eth0]/"}, "invalid_callback", "not allowed"},
	"this machine in one number":       {[]string{"callback_url=http://2130706433/"}, "invalid_callback", "not allowed"},
	"this machine in hexadecimal":      {[]string{"callback_url=http://0x7f.1/"}, "invalid_callback", "not allowed"},
	"this machine in octal":            {[]string{"callback_url=http://0177.0.0.09/"}, "invalid_callback", "not allowed"},
	"a cloud's metadata":               {[]string{"callback_url=http://169.254.169.254/latest"}, "invalid_callback", "not allowed"},
	"a private network":                {[]string{"callback_url=https://10.0.0.1/"}, "invalid_callback", "not allowed"},
	"a callback without end":           {[]string{"callback_url=http://a/" + strings.Repeat("x", 1024)}, "parameter_too_long", "1024"},
	"a secret without a callback":      {[]string{"webhook_secret=a"}, "invalid_parameter", "callback_url"},
	"no secret":                        {[]string{"webhook_secret="}, "unknown_webhook_secret", "webhook_secret"},
	"a secret without end":             {[]string{"webhook_secret=" + strings.Repeat("s", 64)}, "parameter_too_long", "63"},
	"no password":                      {[]string{"password="}, "invalid_parameter", "255"},
	"a password without end":           {[]string{"password=" + strings.Repeat("p", 256)}, "parameter_too_long", "255"},
	"an unknown parameter without end": {[]string{"colour=" + strings.Repeat("c", 2000)}, "parameter_too_long", "colour"},
	"languages twice":                  {[]string{"languages=km", "languages=km"}, "duplicate_parameter", "languages"},
	"pages twice":                      {[]string{"pages=1", "pages=1"}, "duplicate_parameter", "pages"},
	"a password twice":                 {[]string{"password=p", "password=p"}, "duplicate_parameter", "password"},
	"metadata twice":                   {[]string{"metadata={}", "metadata={}"}, "duplicate_parameter", "metadata"},
}

// scattered is a list of pages that cannot be written shorter, of almost that many bytes.
func scattered(length int) string {
	var list strings.Builder
	for page := 100001; list.Len()+7 < length; page += 2 {
		if list.Len() > 0 {
			list.WriteByte(',')
		}
		list.WriteString(strconv.Itoa(page))
	}
	return list.String()
}

func entries(number int) string {
	all := make([]string, number)
	for i := range all {
		all[i] = `"n` + strconv.Itoa(i) + `":""`
	}
	return strings.Join(all, ",")
}

func TestWhatIsWrongWithParametersIsTold(t *testing.T) {
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			_, _, err := specOf(c.given...)
			var problem *problemError
			if !errors.As(err, &problem) {
				t.Fatalf("err = %v, want %s", err, c.code)
			}
			if problem.Code != c.code || !strings.Contains(problem.detail, c.names) {
				t.Errorf("%s: %q, want %s that names %q", problem.Code, problem.detail, c.code, c.names)
			}
			if !isKhmer(problem.detailKm) {
				t.Errorf("no detail in Khmer: %q", problem.detailKm)
			}
			if strings.Contains(problem.detail, "secret@") {
				t.Errorf("the detail repeats a password: %q", problem.detail)
			}
		})
	}
}

func TestEveryParameterIsTakenOnce(t *testing.T) {
	for name, value := range map[string]string{
		"output_format": "json", "force_ocr": "false", "priority": "normal", "ocr_mode": "auto", "correct": "off", "languages": "km", "pages": "1",
		"model": "khm", "metadata": "{}", "callback_url": "http://a", "webhook_secret": "a", "password": "p",
	} {
		var problem *problemError
		if _, _, err := specOf(name+"="+value, name+"="+value); !errors.As(err, &problem) || problem.Code != "duplicate_parameter" {
			t.Errorf("%s twice: %v", name, err)
		}
	}
}
