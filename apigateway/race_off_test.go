//go:build !race

package apigateway

const raceDetector = false
