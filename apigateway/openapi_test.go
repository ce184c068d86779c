package apigateway

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/openapi"
	"github.com/openplp/khocr/test/contract"
)

const openAPIFile = "openapi/openapi.yaml"

// TestTheOpenAPIDocumentListsEveryCode compares the last schemas of the document with the code's tables. With -update it
// writes them.
func TestTheOpenAPIDocumentListsEveryCode(t *testing.T) {
	const begin = "    # What follows is written by go test ./apigateway -run OpenAPI -update.\n"
	before, codes, ok := strings.Cut(string(openapi.YAML()), begin)
	if !ok {
		t.Fatal("the document has no place for the codes")
	}
	want := codeSchemas()
	if *update {
		if err := os.WriteFile(openAPIFile, []byte(before+begin+want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if codes != want {
		t.Error("the document's codes are not the code's; run go test ./apigateway -run OpenAPI -update")
	}
}

func codeSchemas() string {
	var problems []jobview.Reason
	for _, p := range Problems() {
		problems = append(problems, jobview.Reason{Code: p.Code, Message: fmt.Sprint(p.Status, ". ", p.English), MessageKm: p.Khmer})
	}
	sorted := func(table map[string]jobview.Reason) (words []jobview.Reason) {
		for _, one := range table {
			words = append(words, one)
		}
		slices.SortFunc(words, byCode)
		return words
	}
	failures := append(sorted(jobview.Failures()), *jobview.Failure(&v1alpha1.OcrJobStatus{}))
	return codeSchema("ProblemCode", "What went wrong, for programs. Others may be added.", problems) +
		codeSchema("FailureCode", "Why a job failed, for programs. Others may be added.", failures) +
		codeSchema("WaitCode", "What a job waits for, for programs. Others may be added.", sorted(jobview.Waits())) +
		codeSchema("AIReason", "Why what an AI model said is not in a page, for programs. Others may be added.", sorted(jobview.AIReasons()))
}

func byCode(a, b jobview.Reason) int { return strings.Compare(a.Code, b.Code) }

func codeSchema(name, description string, words []jobview.Reason) string {
	var out strings.Builder
	fmt.Fprintf(&out, "    %s:\n      description: %s\n      type: string\n      enum:\n", name, description)
	for _, one := range words {
		fmt.Fprintf(&out, "      - %s\n", one.Code)
	}
	out.WriteString("      x-enumDescriptions:\n")
	for _, one := range words {
		fmt.Fprintf(&out, "        %s: |-\n          %s\n\n          %s\n", one.Code, one.Message, one.MessageKm)
	}
	return out.String()
}

// TestEveryProblemIsAnAnswerOfItsStatus compares the codes that answers of the document may have with the list.
func TestEveryProblemIsAnAnswerOfItsStatus(t *testing.T) {
	document, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for _, p := range Problems() {
		want[p.Code] = p.Status
	}
	answered := map[string]bool{}
	look := func(operation, status string, codes []string) {
		for _, code := range codes {
			answered[code] = true
			if fmt.Sprint(want[code]) != status {
				t.Errorf("%s answers %s with the code %s, which has the status %d", operation, status, code, want[code])
			}
		}
	}
	for path, item := range document.Model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				codes, err := contract.CodesOf(response)
				if err != nil {
					t.Fatal(err)
				}
				look(method+" "+path, status, codes)
			}
		}
	}
	// These are what addresses and methods get that are no operation.
	answered[notFound.Code], answered[methodNotAllowed.Code] = true, true
	for code := range want {
		if !answered[code] {
			t.Errorf("no operation of the document answers %s", code)
		}
	}
}
