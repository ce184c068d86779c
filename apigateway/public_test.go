package apigateway

import (
	"testing"

	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// TestPublicAPI holds the tests that need an API server: they share one.
func TestPublicAPI(t *testing.T) {
	g := gatewaytest.Start(t)
	t.Run("Convert", func(t *testing.T) { testConvert(t, g) })
	t.Run("ConvertRefuses", func(t *testing.T) { testConvertRefuses(t, g) })
	t.Run("Parameters", func(t *testing.T) { testParameters(t, g) })
	t.Run("Idempotency", func(t *testing.T) { testIdempotency(t, g) })
	t.Run("Retry", func(t *testing.T) { testRetry(t, g) })
	t.Run("Authentication", func(t *testing.T) { testAuthentication(t, g) })
	t.Run("Transport", func(t *testing.T) { testTransport(t, g) })
	t.Run("Job", func(t *testing.T) { testJob(t, g) })
	t.Run("Waiting", func(t *testing.T) { testWaiting(t, g) })
	t.Run("Delete", func(t *testing.T) { testDelete(t, g) })
	t.Run("Result", func(t *testing.T) { testResult(t, g) })
	t.Run("Archive", func(t *testing.T) { testArchive(t, g) })
	t.Run("List", func(t *testing.T) { testList(t, g) })
	t.Run("Pages", func(t *testing.T) { testPages(t, g) })
	t.Run("Preview", func(t *testing.T) { testPreview(t, g) })
	t.Run("Corrections", func(t *testing.T) { testCorrections(t, g) })
	t.Run("Conditions", func(t *testing.T) { testConditions(t, g) })
	t.Run("Searchable", func(t *testing.T) { testSearchable(t, g) })
	t.Run("Wait", func(t *testing.T) { testWait(t, g) })
	t.Run("Events", func(t *testing.T) { testEvents(t, g) })
	t.Run("EventToken", func(t *testing.T) { testEventToken(t, g) })
	t.Run("AIModels", func(t *testing.T) { testAIModels(t, g) })
	t.Run("Models", func(t *testing.T) { testModels(t, g) })
	t.Run("Browser", func(t *testing.T) { testBrowser(t, g) })
	t.Run("Surface", func(t *testing.T) { testSurface(t, g) })
	t.Run("Limits", func(t *testing.T) { testLimits(t, g) })
	t.Run("Refusals", func(t *testing.T) { testRefusals(t, g) })
	t.Run("Usage", func(t *testing.T) { testUsage(t, g) })
	t.Run("Memory", func(t *testing.T) { testMemory(t, g) })
}
