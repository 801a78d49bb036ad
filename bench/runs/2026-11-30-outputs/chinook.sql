-- calls: 9000
SELECT Name, Composer, UnitPrice FROM Track WHERE AlbumId = 141;
-- calls: 2500
SELECT TrackId, Name FROM Track WHERE Name = 'The Trooper';
-- calls: 1200
SELECT t.Name, a.Title FROM Track t JOIN Album a USING (AlbumId) WHERE t.Composer = 'Steve Harris' ORDER BY t.Name;
-- calls: 300
SELECT TrackId, Name, Milliseconds FROM Track ORDER BY Milliseconds DESC LIMIT 10;
-- calls: 150
SELECT TrackId, Name FROM Track ORDER BY TrackId LIMIT 50 OFFSET 3000;
-- calls: 700
SELECT FirstName, LastName, Email FROM Customer WHERE Country = 'Brazil';
-- calls: 400
SELECT InvoiceId, Total FROM Invoice WHERE CustomerId = 12 ORDER BY InvoiceDate DESC;
-- calls: 200
SELECT Name FROM Genre ORDER BY Name;
-- calls: 120
SELECT p.Name, count(*) FROM Playlist p JOIN PlaylistTrack pt USING (PlaylistId) GROUP BY p.PlaylistId;
-- calls: 80
SELECT TrackId, Name FROM Track WHERE Name LIKE '%love%';
-- calls: 60
SELECT sum(UnitPrice * Quantity) FROM InvoiceLine WHERE TrackId = 2500;
-- calls: 40
UPDATE Track SET UnitPrice = 1.29 WHERE TrackId = 77;
