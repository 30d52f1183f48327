<?php
// The list of guests, from the database that this space imports.
function database(string $variable): string
{
	return getenv("SAMOZA_IMPORT_database_0_$variable");
}

try {
	$db = new PDO(
		sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', database('ip'),
			database('port'), database('name')),
		database('user'), database('password'), [PDO::ATTR_TIMEOUT => 3]);
	if ($_SERVER['REQUEST_METHOD'] === 'POST' && trim($_POST['name'] ?? '') !== '') {
		$db->prepare('INSERT IGNORE INTO guest (name) VALUES (?)')
			->execute([substr(trim($_POST['name']), 0, 200)]);
		header('Location: /', true, 303);
		exit;
	}
	$guests = $db->query('SELECT name FROM guest ORDER BY id')->fetchAll(PDO::FETCH_COLUMN);
} catch (PDOException $e) {
	http_response_code(503);
	error_log($e->getMessage());
	exit('The database does not answer.');
}
?>
<!DOCTYPE html>
<meta charset="utf-8">
<title>Guests</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 32em; margin: 3em auto; padding: 0 1em }</style>
<h1>Guests</h1>
<ul>
<?php foreach ($guests as $guest): ?>
<li><?= htmlspecialchars($guest) ?></li>
<?php endforeach ?>
</ul>
<form method="post"><input name="name" aria-label="Name" maxlength="200" required> <button>Add</button></form>
<p>PHP runs on <?= htmlspecialchars(getenv('SAMOZA_ZHOST')) ?>,
the database is <?= htmlspecialchars(database('PATH')) ?>.</p>
