package gpu

// RandomRows gives the tests on a device the rows that plans are tested with.
var RandomRows = randomRows
