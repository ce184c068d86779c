package apigateway

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/openplp/khocr/apigateway/jobview"
)

// snake is the machine word of a CamelCase reason.
func snake(reason string) string {
	var word strings.Builder
	for i, r := range reason {
		if unicode.IsUpper(r) && i > 0 {
			word.WriteByte('_')
		}
		word.WriteRune(unicode.ToLower(r))
	}
	return word.String()
}

func isKhmer(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Khmer, r) }) >= 0
}

func TestEveryProblemIsWhole(t *testing.T) {
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	last := 0
	for _, p := range Problems() {
		if !word.MatchString(p.Code) || seen[p.Code] {
			t.Errorf("code %q is no machine word or stands twice", p.Code)
		}
		seen[p.Code] = true
		if http.StatusText(p.Status) == "" || p.Status < last {
			t.Errorf("%s: status %d is none, or out of order", p.Code, p.Status)
		}
		last = p.Status
		if p.Title == "" || p.English == "" || !isKhmer(p.Khmer) {
			t.Errorf("%s lacks a text", p.Code)
		}
		if english, khmer := p.Messages(); english == "" || !isKhmer(khmer) {
			t.Errorf("%s lacks a message", p.Code)
		}
	}
}

// TestEveryProblemIsListed finds the declared problems in the source: one that is missing in the list would be missing in
// the documentation.
func TestEveryProblemIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, p := range Problems() {
		listed[p.Code] = true
	}
	declared := 0
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if name, ok := literal.Type.(*ast.Ident); ok && name.Name == "Problem" {
			declared++
			code, err := strconv.Unquote(literal.Elts[0].(*ast.BasicLit).Value)
			if err != nil || !listed[code] {
				t.Errorf("%s is not in the list (%v)", code, err)
			}
		}
		return true
	})
	if declared != len(listed) {
		t.Errorf("%d problems are declared, %d listed", declared, len(listed))
	}
}

func TestStatusesOfTheContractHaveItsMessages(t *testing.T) {
	for status, want := range map[int][2]string{
		400: {"Bad request (invalid file or parameters)", "សំណើមិនត្រឹមត្រូវ"},
		401: {"Invalid or missing API key", "កូដ API មិនត្រឹមត្រូវ"},
		403: {"Insufficient permissions", "សិទ្ធិមិនគ្រប់គ្រាន់"},
		404: {"Resource not found", "រកមិនឃើញ"},
		429: {"Rate limit exceeded", "ការស្នើសុំច្រើនពេក"},
		500: {"Internal server error", "កំហុសម៉ាស៊ីនមេ"},
	} {
		found := false
		for _, p := range Problems() {
			if p.Status != status {
				continue
			}
			found = true
			if english, khmer := p.Messages(); english != want[0] || khmer != want[1] {
				t.Errorf("%s says %q and %q, want %q and %q", p.Code, english, khmer, want[0], want[1])
			}
		}
		if !found {
			t.Errorf("no problem has the status %d", status)
		}
	}
}

// reasonsUnder reads the Reason constants that stand under a comment of the API's types.
func reasonsUnder(t *testing.T, heading string) []string {
	t.Helper()
	source, err := os.ReadFile("../api/v1alpha1/ocrjob_conditions.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(source), "\t// "+heading+"\n")
	if !found {
		t.Fatalf("the API's types have no reasons under %q", heading)
	}
	var reasons []string
	for _, match := range regexp.MustCompile(`(?m)^\tReason\w+\s+= "(\w+)"$|^\)|^$`).FindAllStringSubmatch(section, -1) {
		if match[1] == "" {
			break
		}
		reasons = append(reasons, match[1])
	}
	if len(reasons) < 3 {
		t.Fatalf("found only the reasons %v", reasons)
	}
	return reasons
}

func TestEveryReasonOfAJobHasItsWords(t *testing.T) {
	for heading, table := range map[string]map[string]jobview.Reason{"Why a job failed.": jobview.Failures(), "Why a job waits.": jobview.Waits()} {
		for _, reason := range reasonsUnder(t, heading) {
			if _, ok := table[reason]; !ok {
				t.Errorf("%s %s has no words", heading, reason)
			}
		}
		for reason, words := range table {
			if words.Code != snake(reason) || words.Message == "" || !isKhmer(words.MessageKm) {
				t.Errorf("%s has the words %+v", reason, words)
			}
		}
	}
}

func TestEveryReasonOfAnAIModelHasItsWords(t *testing.T) {
	page, err := os.ReadFile("web/page/strings.js")
	if err != nil {
		t.Fatal(err)
	}
	for code, words := range jobview.AIReasons() {
		if line := fmt.Sprintf("\"ai.reason.%s\": [%q, %q],", code, words.MessageKm, words.Message); !strings.Contains(string(page), line) {
			t.Errorf("the page for people has no %s", line)
		}
		if words.Code != code || words.Message == "" || !isKhmer(words.MessageKm) {
			t.Errorf("%s has the words %+v", code, words)
		}
	}
}
